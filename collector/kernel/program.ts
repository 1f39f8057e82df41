import { readFileSync } from 'node:fs'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { type BpfVariant, readBpfObject } from './bpf-object.ts'
import { type SampleFilter, settingsOf } from './filter.ts'
import { mayFreezeOnUserReads, readKernelVersion } from './kernel-version.ts'
import { BpfError, type BpfObject, type Libbpf } from './libbpf.ts'
import { kernelStackEntries, type MapSizes } from './map-sizes.ts'
import { explainLoadError } from './preflight.ts'
import { STACK_DEPTH } from './sample-layout.ts'
import { PROGRAMS, type ProgramName } from './sources/source.ts'

export type LoadedProgram = {
  readonly object: BpfObject
  readonly variant: BpfVariant
  /** Sentences for users: what this kernel does not allow. */
  readonly notes: readonly string[]
}

export type LoadOptions = {
  readonly libbpf: Libbpf
  readonly sizes: MapSizes
  readonly log: Log
  readonly objectDirectory: string | undefined
  readonly forceNoBtf: boolean
  readonly unwind: UnwindMode
  /** The programs that will be attached: others are not loaded. */
  readonly programs: ReadonlySet<ProgramName>
  readonly filter: SampleFilter
  readonly offCpuThresholdNs: number
}

/** How user stacks are walked. */
export type UnwindMode = 'tables' | 'frame-pointers'

const FRAME_POINTER_NOTE =
  'User stacks are walked by frame pointers: programs built without them show cut stacks.'
const NO_BTF_NOTE =
  'Without BTF of the kernel, a process id that is used again within a window is not told apart.'

/**
 * Loads the program that walks by tables where that is asked for and possible, else the one by frame
 * pointers with BTF, else the one that needs none. Throws the reason of the second when none loads, except
 * where only the third's says something new.
 */
export function loadProgram(options: LoadOptions): LoadedProgram {
  const notes: string[] = []
  const depth = Math.min(STACK_DEPTH, readDepthLimit())
  if (depth < STACK_DEPTH)
    notes.push(
      `Stacks are cut at ${depth} frames: sysctl kernel.perf_event_max_stack is lower than 127.`,
    )
  const tables = options.unwind === 'tables' && loadTables(depth, notes, options)
  if (tables) return tables
  notes.unshift(FRAME_POINTER_NOTE)
  if (options.forceNoBtf) return loadWithoutBtf(depth, notes, options)
  try {
    return { object: load('profile', depth, options), variant: 'profile', notes }
  } catch (reason) {
    if (!mayLoadAnother(reason)) throw reason
    options.log.warn({ err: reason }, 'BPF program without BTF is used')
    try {
      return loadWithoutBtf(depth, notes, options)
    } catch (second) {
      throw mayLoadAnother(second) ? reason : second
    }
  }
}

function loadTables(
  depth: number,
  notes: readonly string[],
  options: LoadOptions,
): LoadedProgram | null {
  const { forceNoBtf, log } = options
  const version = readKernelVersion()
  if (forceNoBtf || mayFreezeOnUserReads(version)) {
    log.warn({ version: version.join('.') }, 'kernel not fit for unwind tables')
    return null
  }
  try {
    return { object: load('profile-tables', depth, options), variant: 'profile-tables', notes }
  } catch (reason) {
    if (!mayLoadAnother(reason)) throw reason
    log.warn({ err: reason }, 'BPF program with unwind tables is not used')
    return null
  }
}

function loadWithoutBtf(
  depth: number,
  notes: readonly string[],
  options: LoadOptions,
): LoadedProgram {
  if (options.programs.has('on_switch')) throw noOffCpu()
  const object = load('profile-nobtf', depth, options)
  return { object, variant: 'profile-nobtf', notes: [...notes, NO_BTF_NOTE] }
}

function noOffCpu(): FlamewatchError {
  return new FlamewatchError(
    'btf_missing',
    'Off-CPU profiles need BTF of the kernel (/sys/kernel/btf/vmlinux) and Linux 5.11 or newer.',
    { hint: 'Run without --off-cpu, or use a kernel with CONFIG_DEBUG_INFO_BTF=y.' },
  )
}

function mayLoadAnother(error: unknown): boolean {
  if (!(error instanceof FlamewatchError)) return false
  return error.code === 'btf_missing' || error.code === 'bpf_rejected'
}

// The verifier gives up with EAGAIN when a signal is waiting, as a CPU profiler of this process sends
// all the time. libbpf tries five times.
const EAGAIN = 11
const MOST_ATTEMPTS = 10

function load(variant: BpfVariant, depth: number, options: LoadOptions): BpfObject {
  const bytes = readBpfObject(variant, options.objectDirectory)
  for (let attempt = 1; ; attempt++) {
    try {
      return loadOnce(variant, bytes, depth, options)
    } catch (error) {
      const isInterrupted = error instanceof BpfError && error.errno === EAGAIN
      if (!isInterrupted || attempt === MOST_ATTEMPTS) throw explainLoadError(error)
    }
  }
}

function loadOnce(
  variant: BpfVariant,
  bytes: Uint8Array,
  depth: number,
  options: LoadOptions,
): BpfObject {
  const object = options.libbpf.openObject(bytes)
  const { stackEntries } = options.sizes
  const stacks = variant === 'profile-tables' ? kernelStackEntries(stackEntries) : stackEntries
  try {
    for (const map of ['stacks_0a', 'stacks_0b', 'stacks_1a', 'stacks_1b']) {
      object.resizeMap(map, stacks)
      object.setValueSize(map, depth * 8)
    }
    for (const map of ['counts_0', 'counts_1']) object.resizeMap(map, options.sizes.countEntries)
    if (variant === 'profile-tables')
      for (const map of ['user_stacks_0', 'user_stacks_1'])
        object.resizeMap(map, options.sizes.stackEntries)
    if (options.programs.size > 1) sizeBeside(object, options.sizes.besideEntries)
    object.resizeMap('overflow', options.sizes.overflowBytes)
    object.setInitialValue(
      '.rodata.settings',
      settingsOf(options.filter, options.offCpuThresholdNs),
    )
    leaveOut(object, variant, options.programs)
    object.load()
    return object
  } catch (error) {
    object.close()
    throw error
  }
}

/** Of the sources beside the CPU clock; there only with one. */
export const BESIDE_MAPS = [0, 1].flatMap((n) => [`beside_stacks_${n}`, `beside_counts_${n}`])

function sizeBeside(object: BpfObject, entries: number): void {
  for (const n of [0, 1]) {
    object.resizeMap(`beside_stacks_${n}`, entries)
    object.resizeMap(`beside_counts_${n}`, 2 * entries)
  }
}

// A kernel that lacks what one source needs has the others.
function leaveOut(
  object: BpfObject,
  variant: BpfVariant,
  programs: ReadonlySet<ProgramName>,
): void {
  for (const program of PROGRAMS) {
    const isThere = program !== 'on_switch' || variant !== 'profile-nobtf'
    if (isThere && !programs.has(program)) object.leaveProgramOut(program)
  }
  if (variant !== 'profile-nobtf' && !programs.has('on_switch')) object.leaveMapOut('waits')
  if (programs.size === 1) for (const map of BESIDE_MAPS) object.leaveMapOut(map)
}

// The kernel refuses a stack map deeper than this limit.
function readDepthLimit(): number {
  return Number(readFileSync('/proc/sys/kernel/perf_event_max_stack', 'latin1'))
}
