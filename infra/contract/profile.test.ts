import { describe, expect, it } from 'vitest'
import { kindOfModule, moduleOfFile, nameProfile, parseProfileType } from './profile.ts'

describe('the module of a mapped file', () => {
  it.each([
    ['/usr/lib/x86_64-linux-gnu/libssl.so.3', 'libssl.so'],
    ['/usr/lib/libssl.so.1.1.1k', 'libssl.so'],
    ['/lib64/ld-linux-x86-64.so.2', 'ld-linux-x86-64.so'],
    ['/usr/bin/python3.11', 'python'],
    ['/srv/checkout-v1', 'checkout'],
    ['/srv/checkout-v2', 'checkout'],
    ['/srv/checkout-1.4.0-rc.1', 'checkout'],
    ['/srv/checkout_3f2a9c1', 'checkout'],
    ['/srv/app-1.2.3.jar', 'app'],
  ])('is the same for every build of it: %s is %s', (file, module) => {
    expect(moduleOfFile(file)).toBe(module)
  })

  it.each([
    'node',
    'x264',
    'bzip2',
    'md5sum',
    'nginx',
    'my-service',
    'feedbeef',
    'a.out',
    'app.jar',
  ])('keeps a name without a version: %s', (name) =>
    expect(moduleOfFile(`/usr/bin/${name}`)).toBe(name),
  )

  it('is never empty where the file has a name', () => {
    for (const file of ['/2.0', '/-1', '/v1', '/.so', '/3f2a9c1d', '1.2.jar'])
      expect(moduleOfFile(file), file).not.toBe('')
  })

  it('leaves bracketed names alone', () => {
    expect(moduleOfFile('[kernel.kallsyms]')).toBe('[kernel.kallsyms]')
    expect(moduleOfFile('[kvm.ko]')).toBe('[kvm.ko]')
  })

  it('tells the kind of a frame', () => {
    expect(kindOfModule('[kernel.kallsyms]')).toBe('kernel')
    expect(kindOfModule('[kvm.ko]')).toBe('kernel')
    expect(kindOfModule('[python]')).toBe('python')
    expect(kindOfModule('[flamewatch]')).toBe('placeholder')
    expect(kindOfModule('libc.so')).toBe('native')
  })
})

describe('a profile type', () => {
  it('has five parts, of which the period may be empty', () => {
    expect(parseProfileType('wall:samples:count::')?.sampleUnit).toBe('count')
    expect(parseProfileType('wall:samples:count')).toBeNull()
    expect(parseProfileType("a:b:c:d:e' OR 1")).toBeNull()
  })

  it('is named by its sample types where the profile does not say', () => {
    expect(nameProfile(['samples', 'cpu'])).toBe('process_cpu')
    expect(nameProfile(['inuse_objects', 'inuse_space'])).toBe('memory')
    expect(nameProfile(['wall'])).toBe('wall')
    expect(nameProfile([])).toBe('profile')
  })
})
