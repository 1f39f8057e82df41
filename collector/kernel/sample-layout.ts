// bpf/sample.h in TypeScript: tests/kernel/sample-layout.test.ts compiles the header and compares.

export const STACK_DEPTH = 127
export const STACK_BYTES = STACK_DEPTH * 8

/** Stack ids of the second way carry this bit. */
export const SECOND_WAY = 0x40000000

/** In the place of a user stack: there is none to take. Other negative numbers are an errno. */
export const NO_STACK = -1

/** struct sample_key, as 32-bit words. */
export const KEY_WORDS = 12
export const KEY = {
  startTime: 0,
  cgroupId: 2,
  tgid: 4,
  kernelStack: 5,
  userStack: 6,
  kernelThread: 7,
  comm: 8,
} as const

/** struct overflow_record, as 32-bit words; its key comes first. */
export const OVERFLOW = {
  generation: 12,
  kernelBytes: 13,
  userBytes: 14,
  addresses: 16,
} as const

/** struct sample_stats, as 64-bit words. */
export const STATS_FIELDS = [
  'taken',
  'idle',
  'counted',
  'overflowed',
  'countsFull',
  'eventsLost',
] as const
export type SampleStats = Record<(typeof STATS_FIELDS)[number], number>

/** struct process_event, in bytes. */
export const EVENT = { startTime: 0, tgid: 8, bytes: 16 } as const
