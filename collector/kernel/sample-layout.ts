// bpf/sample.h in TypeScript: tests/kernel/sample-layout.test.ts compiles the header and compares.

import { UNWIND_ENDS, type UnwindEnd } from './unwind-layout.ts'

export const STACK_DEPTH = 127
export const STACK_BYTES = STACK_DEPTH * 8

/** Stack ids of the second way carry this bit. */
export const SECOND_WAY = 0x40000000

/** In the place of a user stack: there is none to take. Other negative numbers are an errno. */
export const NO_STACK = -1

/** struct sample_key, as 32-bit words. */
export const KEY_WORDS = 14
export const KEY = {
  startTime: 0,
  cgroupId: 2,
  userHash: 4,
  tgid: 6,
  kernelStack: 7,
  userStack: 8,
  kernelThread: 9,
  comm: 10,
} as const

/** struct overflow_record, as 32-bit words; its key comes first. */
export const OVERFLOW = {
  generation: 14,
  kernelBytes: 15,
  userBytes: 16,
  addresses: 18,
} as const

/** struct user_stack, as 32-bit words. */
export const USER_STACK = { length: 0, addresses: 2, words: 2 + 2 * STACK_DEPTH } as const

/** struct sample_stats, as 64-bit words; `ends` follows, one word for each of UNWIND_ENDS. */
export const STATS_FIELDS = [
  'taken',
  'idle',
  'counted',
  'overflowed',
  'countsFull',
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
