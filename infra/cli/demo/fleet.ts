import type { DemoStack } from './call-tree.ts'
import { sumWeights } from './call-tree.ts'
import { createRandom, drawFactor, drawPoisson } from './random.ts'
import { CHECKOUT } from './services/checkout.ts'
import { SEARCH } from './services/search.ts'
import { THUMBNAILER } from './services/thumbnailer.ts'

// A fleet that is a pure function of its seed and the time: hosts that differ, load that moves,
// counts that scatter as sampling does, and two deploys of one service, the second with a regression.

const MINUTE_MS = 60_000
const SEED = 20260

export const SAMPLING = { frequencyHz: 99, cpusPerHost: 4 } as const

export type DemoVersion = {
  readonly version: string
  readonly fromMs: number
  readonly stacks: readonly DemoStack[]
}

export type DemoService = {
  readonly service: string
  /** Cores one host of it uses on average. */
  readonly cores: number
  /** Oldest first. */
  readonly versions: readonly DemoVersion[]
}

export type DemoHost = {
  readonly host: string
  readonly service: DemoService
  readonly region: string
  readonly instanceType: string
  /** Place among the hosts of its service, from 0: deploys go from host to host. */
  readonly rank: number
}

export type DemoFleet = { readonly hosts: readonly DemoHost[] }

/** What one host's collector took in one window. */
export type DemoWindow = {
  readonly host: DemoHost
  readonly version: DemoVersion
  readonly startMs: number
  readonly endMs: number
  /** Samples of stack i of the version. */
  readonly counts: Uint32Array
  /** All CPUs' samples, the idle task's among them. */
  readonly taken: number
  readonly kept: number
}

/** What `flamewatch demo` points at. */
export const PLANTED = {
  service: 'checkout',
  baseline: 'v2.8.0',
  candidate: 'v2.9.0',
  function: 'parseCart',
  /** Its CPU time per request, with everything it calls. */
  factor: 3,
} as const

/** `startMs`: when the simulated history begins. The deploys follow 40 and 80 minutes later. */
export function createFleet(startMs: number): DemoFleet {
  const harmless = scale(CHECKOUT, 'matchRoute', 1.3)
  const checkout: DemoService = {
    service: PLANTED.service,
    cores: 1.7,
    versions: [
      { version: 'v2.7.3', fromMs: Number.NEGATIVE_INFINITY, stacks: CHECKOUT },
      { version: PLANTED.baseline, fromMs: startMs + 40 * MINUTE_MS, stacks: harmless },
      {
        version: PLANTED.candidate,
        fromMs: startMs + 80 * MINUTE_MS,
        stacks: scale(harmless, PLANTED.function, PLANTED.factor),
      },
    ],
  }
  const search = createSteadyService('search', 'v5.2.1', 2.4, SEARCH)
  const thumbnailer = createSteadyService('thumbnailer', 'v1.14.0', 2.5, THUMBNAILER)
  return {
    hosts: [
      ...createHosts('web', 8, checkout, 'm7i.xlarge'),
      ...createHosts('search', 7, search, 'r7i.xlarge'),
      ...createHosts('image', 5, thumbnailer, 'c7i.xlarge'),
    ],
  }
}

function createSteadyService(
  service: string,
  version: string,
  cores: number,
  stacks: readonly DemoStack[],
): DemoService {
  return { service, cores, versions: [{ version, fromMs: Number.NEGATIVE_INFINITY, stacks }] }
}

function createHosts(
  prefix: string,
  count: number,
  service: DemoService,
  instanceType: string,
): DemoHost[] {
  return Array.from({ length: count }, (_, rank) => ({
    host: `${prefix}-${String(rank + 1).padStart(2, '0')}`,
    service,
    region: rank % 2 === 0 ? 'eu-central-1' : 'us-east-1',
    instanceType,
    rank,
  }))
}

/** `stacks` with the time below (and in) the function `name` multiplied. */
function scale(stacks: readonly DemoStack[], name: string, factor: number): DemoStack[] {
  return stacks.map((stack) =>
    stack.frames.some((frame) => frame.name === name)
      ? { ...stack, weight: stack.weight * factor }
      : stack,
  )
}

/** The version `host` runs at a time: a deploy reaches one host after the other, 20 s apart. */
export function versionAt(host: DemoHost, timeMs: number): DemoVersion {
  const reachedMs = timeMs - host.rank * 20_000
  const version = host.service.versions.findLast(({ fromMs }) => fromMs <= reachedMs)
  if (!version) throw new Error(`no version of ${host.service.service} at ${timeMs}`)
  return version
}

export function generateWindow(host: DemoHost, startMs: number, endMs: number): DemoWindow {
  const { service } = host
  const version = versionAt(host, startMs)
  // Requests decide the work; weights are time per request in the first version's units, so a version
  // that needs more time per request uses more cores.
  const first = service.versions[0] as DemoVersion
  const random = createRandom(SEED, host.host, startMs)
  const samplesPerWeight =
    (service.cores * SAMPLING.frequencyHz * ((endMs - startMs) / 1000) * loadAt(host, startMs)) /
    sumWeights(first.stacks)
  const effects = hostEffects(host, version)
  const counts = Uint32Array.from(version.stacks, ({ weight }, i) =>
    drawPoisson(
      random,
      weight * (effects[i] as number) * samplesPerWeight * drawFactor(random, 0.03),
    ),
  )
  const kept = counts.reduce((sum, count) => sum + count, 0)
  const capacity = Math.round(
    SAMPLING.cpusPerHost * SAMPLING.frequencyHz * ((endMs - startMs) / 1000),
  )
  return { host, version, startMs, endMs, counts, kept, taken: Math.max(kept, capacity) }
}

// A wave of an hour and a half, minutes that are busier than others, and hosts that get more than
// their share.
function loadAt(host: DemoHost, timeMs: number): number {
  const wave = 1 + 0.15 * Math.sin((2 * Math.PI * timeMs) / (90 * MINUTE_MS))
  const minute = Math.floor(timeMs / MINUTE_MS)
  const busy = drawFactor(createRandom(SEED, host.service.service, minute), 0.04)
  const share = drawFactor(createRandom(SEED, host.host, 'share'), 0.12)
  return wave * busy * share
}

/** Every host runs every stack a little faster or slower than the others, always by the same factor. */
function hostEffects(host: DemoHost, version: DemoVersion): readonly number[] {
  const random = createRandom(SEED, host.host, 'effects')
  return version.stacks.map(() => drawFactor(random, 0.06))
}
