// bpf/sample.h in TypeScript: tests/kernel/sample-layout.test.ts compiles the header and compares.

import { UNWIND_ENDS, type UnwindEnd } from './unwind-layout.ts'

export const STACK_DEPTH = 127
export const STACK_BYTES = STACK_DEPTH * 8

/** Stack ids of the second way carry this bit. */
export const SECOND_WAY = 0x40000000

/** In the place of a user stack: there is none to take. Other negative numbers are an errno. */
export const NO_STACK = -1

/** Of a thread's name, the NUL at its end included. */
export const COMM_BYTES = 16

/** enum sample_source: hooks are numbered from `hook` on. */
export const SOURCE = { cpu: 0, offCpu: 1, hook: 2 } as const
export const MOST_SOURCES = 16
export const MOST_HOOKS = MOST_SOURCES - SOURCE.hook

/** struct settings, in bytes. */
export const SETTINGS = {
  offCpuThresholdNs: 0,
  onlyCgroup: 8,
  onlyPids: 12,
  excludeComms: 16,
  bytes: 24,
} as const
export const MOST_ONLY_PIDS = 1024
export const MOST_EXCLUDED_COMMS = 256

/** struct sample_key, as 32-bit words. */
export const KEY_WORDS = 18
export const KEY = {
  startTime: 0,
  cgroupId: 2,
  kernelHash: 4,
  userHash: 6,
  tgid: 8,
  program: 9,
  kernelStack: 10,
  userStack: 11,
  kernelThread: 12,
  source: 13,
  comm: 14,
} as const

/** struct sample_count, as 32-bit words. */
export const COUNT = { samples: 0, sum: 2, words: 4 } as const

/** struct overflow_record, as 32-bit words; its key comes first. */
export const OVERFLOW = {
  generation: 18,
  kernelBytes: 19,
  userBytes: 20,
  addresses: 22,
} as const

/** struct user_stack, as 32-bit words. */
export const USER_STACK = { length: 0, addresses: 2, words: 2 + 2 * STACK_DEPTH } as const

/** struct sample_stats, as 64-bit words; `ends` follows, one word for each of UNWIND_ENDS. */
export const STATS_FIELDS = [
  'taken',
  'idle',
  'filtered',
  'counted',
  'overflowed',
  'countsFull',
  'nested',
  'waitMemory',
  'eventsLost',
] as const
export const STATS_WORDS = STATS_FIELDS.length + UNWIND_ENDS.length
export type SampleStats = Record<(typeof STATS_FIELDS)[number], number> & {
  /** How the walks of user stacks ended; all 0 without tables. */
  readonly ends: Readonly<Record<UnwindEnd, number>>
}

/** struct process_event, in bytes. */
export const EVENT = { startTime: 0, tgid: 8, program: 12, reason: 16, bytes: 24 } as const
/** enum event_reason. */
export const EVENT_REASON = { program: 0, address: 1 } as const
