import * as pprof from 'pprof-format'
import { describe, expect, it } from 'vitest'
import { createWindowEncoder } from './encode.ts'
import type { DemoHost } from './fleet.ts'
import { createFleet, generateWindow, PLANTED, SAMPLING, versionAt } from './fleet.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const fleet = createFleet(START)
const web = fleet.hosts.find(({ host }) => host === 'web-01') as DemoHost

/** Samples per second of all hosts of a service in stacks that have the function. */
function rate(name: string, atMs: number): number {
  const hosts = fleet.hosts.filter(({ service }) => service.service === PLANTED.service)
  let samples = 0
  for (const host of hosts) {
    const { counts, version } = generateWindow(host, atMs, atMs + 5 * MINUTE)
    version.stacks.forEach(({ frames }, i) => {
      if (frames.some((frame) => frame.name === name)) samples += counts[i] as number
    })
  }
  return samples / 300
}

describe('the simulated fleet', () => {
  it('has twenty hosts and three services', () => {
    expect(new Set(fleet.hosts.map(({ host }) => host)).size).toBe(20)
    expect(new Set(fleet.hosts.map(({ service }) => service.service)).size).toBe(3)
  })

  it('is the same for the same time, and another for another', () => {
    const window = generateWindow(web, START, START + 10_000)
    expect(generateWindow(web, START, START + 10_000)).toEqual(window)
    expect(generateWindow(web, START + 10_000, START + 20_000).counts).not.toEqual(window.counts)
  })

  it('takes no more samples than its processors can give', () => {
    for (const host of fleet.hosts) {
      const { kept, taken } = generateWindow(host, START, START + 10_000)
      expect(kept).toBeGreaterThan(0)
      expect(taken).toBeGreaterThanOrEqual(kept)
      expect(taken).toBe(SAMPLING.cpusPerHost * SAMPLING.frequencyHz * 10)
    }
  })

  it('deploys two versions after the first, host by host', () => {
    const versions = [30, 60, 110].map((minute) => versionAt(web, START + minute * MINUTE).version)
    expect(versions).toEqual(['v2.7.3', PLANTED.baseline, PLANTED.candidate])
    const late = fleet.hosts.find(({ host }) => host === 'web-08') as DemoHost
    expect(versionAt(late, START + 81 * MINUTE).version).toBe(PLANTED.baseline)
    expect(versionAt(web, START + 81 * MINUTE).version).toBe(PLANTED.candidate)
  })

  it('makes the planted function three times as expensive, and no other', () => {
    const before = START + 70 * MINUTE
    const after = START + 100 * MINUTE
    const load =
      rate('sha256_block_data_order_avx2', after) / rate('sha256_block_data_order_avx2', before)
    const planted = rate(PLANTED.function, after) / rate(PLANTED.function, before) / load
    expect(planted).toBeGreaterThan(0.9 * PLANTED.factor)
    expect(planted).toBeLessThan(1.1 * PLANTED.factor)
    const other = rate('priceCart', after) / rate('priceCart', before) / load
    expect(other).toBeGreaterThan(0.9)
    expect(other).toBeLessThan(1.1)
  })
})

describe('createWindowEncoder', () => {
  it('encodes the samples of a window, leaf first, as any pprof reader sees them', () => {
    const window = generateWindow(web, START, START + 10_000)
    const profile = pprof.Profile.decode(createWindowEncoder()(window))
    const text = (index: number | bigint) => profile.stringTable.strings[Number(index)]
    expect(profile.period).toBe(10_101_010)
    expect(profile.timeNanos).toBe(BigInt(START) * 1_000_000n)
    expect(profile.durationNanos).toBe(10_000_000_000n)
    const total = profile.sample.reduce((sum, { value }) => sum + Number(value[0]), 0)
    expect(total).toBe(window.kept * 10_101_010)

    const first = window.counts.findIndex((count) => count > 0)
    const names = profile.sample[0]?.locationId.map((id) => {
      const location = profile.location.find((candidate) => candidate.id === id)
      const line = location?.line[0]
      return text(profile.function.find((fn) => fn.id === line?.functionId)?.name ?? 0)
    })
    const frames = window.version.stacks[first]?.frames.map(({ name }) => name)
    expect(names).toEqual(frames?.toReversed())
    const labels = profile.sample[0]?.label.map(({ key, str }) => [text(key), text(str)])
    expect(Object.fromEntries(labels ?? [])).toEqual({
      ...{ service: 'checkout', version: 'v2.7.3', host: 'web-01', demo: 'true' },
      ...{ region: 'eu-central-1', instance_type: 'm7i.xlarge' },
    })
  })
})
