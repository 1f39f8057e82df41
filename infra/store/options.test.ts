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
      storeDatabase: 'flamewatch',
    })
    delete process.env['XDG_STATE_HOME']
    expect(read().data).toMatch(/\/\.local\/state\/flamewatch$/)
  })

  it('name a server', () => {
    expect(read('--store-url', 'https://db:8443').storeUrl).toBe('https://db:8443')
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
