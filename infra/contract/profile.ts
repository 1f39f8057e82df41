// What collector, ingest and query agree on about a profile. Stacks are leaf first (index 0 is the
// leaf) everywhere, as in pprof, with one exception that says so: the store's `frames` column.

// A profile type names one value column of a profile: name:sample_type:sample_unit:period_type:period_unit.
export type ProfileType = string

export const CPU_TYPE: ProfileType = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds'

export type ValueType = { readonly type: string; readonly unit: string }

export const CPU_SAMPLE: ValueType = { type: 'cpu', unit: 'nanoseconds' }

// Time in which threads waited: `off_cpu:off_cpu:nanoseconds::`. No period: a wait is a span of time, and
// one of many nanoseconds is no more certain than one of few.
export const OFF_CPU_SAMPLE: ValueType = { type: 'off_cpu', unit: 'nanoseconds' }

// How often a hook was met: `event:kprobe/vfs_read:count:event:count`. The hook is the sample type, so that
// each is a profile type of its own.
export const HOOK_KINDS = ['tracepoint', 'kprobe', 'uprobe'] as const
export const EVENT_PERIOD: ValueType = { type: 'event', unit: 'count' }
const HOOK = new RegExp(`^(${HOOK_KINDS.join('|')})/`)

export type ProfileTypeParts = {
  readonly name: string
  readonly sampleType: string
  readonly sampleUnit: string
  readonly periodType: string
  readonly periodUnit: string
}

const PART = /^[A-Za-z0-9_./ $+-]{1,100}$/
export const MAX_TYPE_PART = 100

/** The parts of a profile type, or null when `type` is none. */
export function parseProfileType(type: string): ProfileTypeParts | null {
  const parts = type.split(':')
  if (parts.length !== 5) return null
  const [name, sampleType, sampleUnit, periodType, periodUnit] = parts as [
    string,
    string,
    string,
    string,
    string,
  ]
  if (!PART.test(name) || !PART.test(sampleType) || !PART.test(sampleUnit)) return null
  if (periodType !== '' && !PART.test(periodType)) return null
  if (periodUnit !== '' && !PART.test(periodUnit)) return null
  return { name, sampleType, sampleUnit, periodType, periodUnit }
}

export function formatProfileType(name: string, sample: ValueType, period: ValueType): ProfileType {
  return [name, sample.type, sample.unit, period.type, period.unit].join(':')
}

/** The name of a pprof that does not say its own, by its sample types (as Pyroscope names them). */
export function nameProfile(sampleTypes: readonly string[]): string {
  if (sampleTypes.includes('wall')) return 'wall'
  if (sampleTypes.includes(OFF_CPU_SAMPLE.type)) return 'off_cpu'
  if (HOOK.test(sampleTypes[0] ?? '')) return 'event'
  for (const type of sampleTypes) {
    if (type.includes('cpu')) return 'process_cpu'
    if (/^(alloc|inuse)_|space|objects/.test(type)) return 'memory'
    if (type.startsWith('mutex')) return 'mutex'
    if (type.startsWith('block') || type === 'contentions' || type === 'delay') return 'block'
    if (type.startsWith('goroutine')) return 'goroutine'
  }
  return sampleTypes[0]?.replace(/[^A-Za-z0-9_]/g, '_') || 'profile'
}

// pprof has no field for the kind of a frame; the mapping's file name carries it, as perf does with
// [kernel.kallsyms]. A module is the base name of a frame's mapping file.
export type FrameKind =
  | 'native'
  | 'kernel'
  | 'python'
  | 'js'
  | 'jvm'
  | 'go'
  | 'ruby'
  | 'php'
  | 'perl'
  | 'placeholder'

export const KERNEL_MODULE = '[kernel.kallsyms]'
export const GO_MODULE = '[go]'
export const PLACEHOLDER_MODULE = '[flamewatch]'

const KIND_BY_MODULE: Readonly<Record<string, FrameKind>> = {
  [KERNEL_MODULE]: 'kernel',
  '[bpf]': 'kernel',
  '[python]': 'python',
  '[js]': 'js',
  '[jvm]': 'jvm',
  [GO_MODULE]: 'go',
  '[ruby]': 'ruby',
  '[php]': 'php',
  '[perl]': 'perl',
  [PLACEHOLDER_MODULE]: 'placeholder',
}

/** The kind of a frame from its module. Kernel modules are named `[name.ko]`. */
export function kindOfModule(module: string): FrameKind {
  return KIND_BY_MODULE[module] ?? (module.endsWith('.ko]') ? 'kernel' : 'native')
}

// What a new build changes in a file's name: what follows `.so`, and at the end (an extension apart)
// numbers with dots, numbers and hashes behind a separator. `libssl.so.3.0.1`, `python3.11`, `app-v2`,
// `app-1.4.0-rc.1`, `app_3f2a9c1`, `app-1.2.jar`; but not `x264`, `bzip2`, `ld-linux-x86-64.so.2`'s `-64`.
const SHARED_OBJECT = /^(.+?\.so)(?:\.[^/]*)?$/
const BUILD_SUFFIX =
  /(?:[-_.]v?\d+(?:\.\d+)*(?:[-_.+](?:rc|alpha|beta|dev|snapshot)[-_.]?\d*)?|\d+(?:\.\d+)+|[-_.](?=[0-9a-f]*\d)[0-9a-f]{7,40})(?:\.[a-z]{2,5})?$/i

/**
 * The module of a mapping file name: its base name up to what differs from build to build, since a
 * function must stay itself over a deploy. Bracketed names are as they are.
 */
export function moduleOfFile(filename: string): string {
  if (filename.startsWith('[')) return filename
  const base = filename.slice(filename.lastIndexOf('/') + 1).slice(0, 255)
  const [, sharedObject] = SHARED_OBJECT.exec(base) ?? []
  return sharedObject ?? (base.replace(BUILD_SUFFIX, '') || base)
}

// Placeholder frames stand where the truth is not known, so that no sample vanishes from a graph.
// Their module is PLACEHOLDER_MODULE.
export const PLACEHOLDER = {
  // Root of every stack that does not reach its thread's start: the share of it is the share of
  // broken stacks.
  broken: '[broken stack]',
  // The process runs in user space, yet no user stack could be read.
  noUserStack: '[no user stack]',
  // Both buckets of the stack map were taken and the overflow ring was full.
  lostCollision: '[stack lost: collision]',
  lostMemory: '[stack lost: no memory]',
  lostOther: '[stack lost: kernel error]',
  // Root of every stack deeper than the server keeps; its leaf-most frames stand above.
  truncated: '[truncated]',
  // A sample of a foreign profile that names no location.
  noStack: '[no stack]',
} as const
