import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addOptions, readOptions } from '../runtime/options.ts'
import { storeOptions } from './options.ts'

const read = (...words: string[]) => {
  const command = addOptions(new Command(), storeOptions).exitOverride()
  command.parse(words, { from: 'user' })
  return readOptions(command, storeOptions)
}

describe('options of the store', () => {
  const before = process.env['XDG_STATE_HOME']
  beforeEach(() => {
    process.env['XDG_STATE_HOME'] = '/state'
  })
  afterEach(() => {
    if (before === undefined) delete process.env['XDG_STATE_HOME']
    else process.env['XDG_STATE_HOME'] = before
  })

  it('without any are an embedded store in the state directory of the user', () => {
    expect(read()).toEqual({
      data: '/state/flamewatch',
      storeUrl: undefined,
      storeUser: 'default',
      storePassword: '',
      storePasswordFile: undefined,
      storeCa: undefined,
      storeCert: undefined,
      storeKey: undefined,
      storeDatabase: 'flamewatch',
    })
    delete process.env['XDG_STATE_HOME']
    expect(read().data).toMatch(/\/\.local\/state\/flamewatch$/)
  })

  it('name a server', () => {
    expect(read('--store-url', 'https://db:8443').storeUrl).toEqual(['https://db:8443'])
  })

  it('name the servers of a cluster', () => {
    expect(read('--store-url', 'http://a:8123, http://b:8123').storeUrl).toEqual([
      'http://a:8123',
      'http://b:8123',
    ])
  })

  it('take no password in an address, and do not show the one that stands there', () => {
    const words = ['--store-url', 'http://a:8123,https://me:hunter2@b:8443']
    expect(() => read(...words)).toThrow(/--store-url .*\(secret\)@b:8443/)
    expect(() => read(...words)).not.toThrow('hunter2')
  })

  it('say what is wrong with them, all at once', () => {
    expect(() => read('--store-url', 'tcp://db:9000', '--store-database', 'a-b')).toThrow(
      expect.objectContaining({
        code: 'option_invalid',
        message: expect.stringMatching(/--store-url .*"tcp:\/\/db:9000"\n--store-database .*"a-b"/),
      }),
    )
  })

  it('hide the password', () => {
    expect(storeOptions.storePassword.secret).toBe(true)
  })
})
