import { describe, expect, test } from 'vitest'
import { functionId, seriesId, stackId, toId } from '../../infra/contract/ids.ts'
import { PROFILE_LIMITS } from '../../ingest/limits.ts'
import { scanProfile } from '../../ingest/pprof/scan.ts'
import { profileFromFolded } from '../fixtures/profile-from-text.ts'

// What is stored under an id is stored for ever: these values never change. They were made by an
// independent implementation (mmh3 for Python) from the definitions in infra/contract/ids.ts.

const MAIN = 10979085386648002605n
const READ = 18351022179918654606n
const MAIN_READ = 9329168966373304397n

describe('ids hold for ever', () => {
  test('of functions', () => {
    expect(functionId('main', 'main.c', 'app')).toBe(MAIN)
    expect(functionId('read', '', 'libc.so')).toBe(READ)
    expect(functionId('', '', '')).toBe(17135483321299006139n)
  })

  test('of stacks, root first', () => {
    expect(stackId([MAIN])).toBe(4205621279810653754n)
    expect(stackId([MAIN, READ])).toBe(MAIN_READ)
    expect(stackId([READ, MAIN])).toBe(16918338647596021338n)
    expect(stackId(Array.from({ length: 1000 }, () => MAIN))).toBe(8942988880244893100n)
  })

  test('of series', () => {
    const labels = { service: 'checkout', version: 'v1', host: 'host-1' }
    expect(seriesId(labels)).toBe(11557301594421580387n)
    expect(seriesId({ service: 'größe', version: '', host: 'a b' })).toBe(15272000570696272872n)
  })
})

test('the scanner gives functions and stacks these ids', () => {
  const pprof = profileFromFolded('app!main@main.c;libc.so.6!read 1')
  const profile = scanProfile(pprof, PROFILE_LIMITS)
  if (profile.kind !== 'profile') throw new Error(profile.reason)
  const ids = (words: Uint32Array) =>
    Array.from({ length: words.length / 2 }, (_, i) =>
      toId(words[i * 2] as number, words[i * 2 + 1] as number),
    )
  expect(ids(profile.functions.ids).sort()).toEqual([MAIN, READ].sort())
  expect(ids(profile.stacks.ids)).toEqual([MAIN_READ])
  expect(ids(profile.stacks.frames)).toEqual([MAIN, READ])
})
