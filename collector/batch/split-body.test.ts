import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import { expect, test } from 'vitest'
import type { Account } from '../../infra/contract/account.ts'
import { addAccounts, EMPTY_ACCOUNT, unaccounted } from '../../infra/contract/account.ts'
import { OFF_CPU_SAMPLE } from '../../infra/contract/profile.ts'
import { makeFrame } from '../symbolize/frames.ts'
import type { BatchPart } from './encode-batch.ts'
import { encodeSamples } from './encode-batch.ts'
import type { ProfileTime } from './encode-profile.ts'
import { SampleMerger } from './sample-merger.ts'
import { splitBody } from './split-body.ts'

const TIME: ProfileTime = { startMs: 1000, endMs: 11_000, periodNs: 10_101_010 }
const NO_LIMITS = { rawBytes: Infinity, bodyBytes: Infinity }
const COUNTS = { taken: 0, idle: 50, filtered: 3, dropped: { counts_full: 7 } }

function someStacks(stacks: number, value?: number): SampleMerger {
  const merger = new SampleMerger()
  const root = makeFrame({ name: 'main', mapping: '/bin/app', buildId: 'abcd', address: 1n << 63n })
  for (let i = 0; i < stacks; i++) {
    const inlined = [{ name: `inline ${i}`, systemName: '', file: 'a.h', line: 3, startLine: 1 }]
    const leaf = makeFrame({ name: `f${i * 7919}`, mapping: '/lib/b.so', line: i, inlined })
    const labels = { service: `s${i % 3}`, host: 'h' }
    merger.add(labels, [merger.indexOf(leaf), merger.indexOf(root)], i + 1, value)
  }
  return merger
}

async function encode(stacks: number, time = TIME, value?: number): Promise<BatchPart> {
  const [part] = await encodeSamples(someStacks(stacks, value), COUNTS, time, NO_LIMITS)
  if (!part) throw new Error('no part')
  return { ...part, account: { ...part.account, faults: { broken: 5 } } }
}

/** Every sample with all that is known about it, as a line. */
function lines(body: Uint8Array): string[] {
  const profile = Profile.decode(gunzipSync(body))
  const { strings } = profile.stringTable
  const text = (index: number | bigint) => strings[Number(index)]
  return profile.sample.map(({ locationId, value, label }) => {
    const frames = locationId.map((id) => {
      const { line, address, mappingId } = profile.location[
        Number(id) - 1
      ] as Profile['location'][0]
      const { filename, buildId } = profile.mapping[Number(mappingId) - 1] as Profile['mapping'][0]
      const functions = line.map((at) => {
        const f = profile.function[Number(at.functionId) - 1] as Profile['function'][0]
        return [text(f.name), text(f.filename), f.startLine, at.line]
      })
      return [functions, address, text(filename), text(buildId)]
    })
    const labels = label.map(({ key, str }) => `${text(key)}=${text(str)}`)
    return `${labels} ${value} ${frames}`
  })
}

function total(parts: readonly BatchPart[]): Account {
  return parts.map(({ account }) => account).reduce(addAccounts, EMPTY_ACCOUNT)
}

test('the parts are smaller, have every sample once, and their accounts add up', async () => {
  const whole = await encode(500)
  const parts = await splitBody(whole.body, whole.account)
  expect(parts.length).toBeGreaterThan(1)
  for (const { body, account } of parts) {
    expect(body.length).toBeLessThanOrEqual(whole.body.length * 0.6)
    expect(unaccounted(account)).toBe(0)
    const period = Number(Profile.decode(gunzipSync(body)).period)
    const ns = Profile.decode(gunzipSync(body)).sample.reduce((n, s) => n + Number(s.value[0]), 0)
    expect(ns / period).toBe(account.kept)
  }
  expect(parts.flatMap(({ body }) => lines(body)).sort()).toEqual(lines(whole.body).sort())
  expect(total(parts)).toEqual(whole.account)
})

test('samples that are spans of time are not lost, though their number is in no profile', async () => {
  const kind = { sample: OFF_CPU_SAMPLE, period: null }
  const whole = await encode(500, { ...TIME, kind }, 12_345)
  const parts = await splitBody(whole.body, whole.account)
  expect(parts.length).toBeGreaterThan(1)
  expect(parts.flatMap(({ body }) => lines(body)).sort()).toEqual(lines(whole.body).sort())
  expect(total(parts)).toEqual(whole.account)
})

test('of one sample alone there are no parts: it is counted as too large', async () => {
  const whole = await encode(1)
  const parts = await splitBody(whole.body, whole.account)
  expect(parts).toHaveLength(1)
  expect(total(parts)).toMatchObject({ kept: 0, dropped: { batch_too_large: 1, counts_full: 7 } })
  expect(unaccounted(total(parts))).toBe(0)
})
