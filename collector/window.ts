import type { DropReason } from '../infra/contract/account.ts'
import type { ValueType } from '../infra/contract/profile.ts'

// What the kernel counted in one window, as columns that can be handed to another thread.

// In `kernelStack` and `userStack` a negative number says why there is no stack.
export const STACK_ABSENT = -1 // none to be had: a sample in user mode, a kernel thread
export const STACK_UNREADABLE = -2 // a user-space process, and the kernel could not read its stack
export const STACK_COLLISION = -3
export const STACK_NO_MEMORY = -4
export const STACK_ERROR = -5

/** What the samples of a source mean. */
export type SampleKind = {
  readonly sample: ValueType
  /** Between two samples; null where a sample is no point in time but a span. */
  readonly period: { readonly type: ValueType; readonly value: number } | null
}

/** What one source of samples counted in a window. Stacks are those of the window. */
export type SourceRows = {
  /** taken = idle + filtered + sum(count) + sum(dropped): the sampler holds it or throws. */
  readonly taken: number
  readonly idle: number
  /** Left out because the user asked so; absent where there is no such wish. */
  readonly filtered?: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** One row per (program of a process, cgroup, comm, kernel stack, user stack). */
  readonly rows: number
  readonly tgid: Uint32Array
  /** Start of the thread group in ns since boot (CLOCK_BOOTTIME); 0 when the kernel cannot tell. */
  readonly startTimeNs: BigUint64Array
  /** Grows by 1 with each program the process executes; 0 when the kernel cannot tell. */
  readonly program: Uint32Array
  readonly cgroupId: BigUint64Array
  /** 16 bytes a row, NUL padded. */
  readonly comm: Uint8Array
  /** 1 where the row is a kernel thread. */
  readonly kernelThread: Uint8Array
  readonly count: Uint32Array
  /** What the samples of a row add up to where that is not their number times the period. */
  readonly sum?: Float64Array
  /** Index of a stack, or one of the negative constants above. */
  readonly kernelStack: Int32Array
  readonly userStack: Int32Array
}

/** The samples of the CPU clock, and what other sources counted beside. */
export type SampleWindow = SourceRows & {
  /** Unix ms. */
  readonly startMs: number
  readonly endMs: number
  /** Samples per second and CPU that were asked for. */
  readonly frequencyHz: number
  /** Stack i is addresses[i === 0 ? 0 : stackEnd[i - 1], stackEnd[i]), leaf first. */
  readonly stackEnd: Uint32Array
  readonly addresses: BigUint64Array
  readonly beside?: readonly SourceWindow[]
}

export type SourceWindow = SourceRows & { readonly kind: SampleKind }
