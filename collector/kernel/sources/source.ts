import type { SampleKind } from '../../window.ts'
import type { BpfObject } from '../libbpf.ts'

/**
 * A source of samples: one reason for the kernel to take one (the CPU clock, the end of a wait, a hook).
 * All share the maps, the walk of stacks, the drain and the account; bpf/README.md.
 */
export interface SampleSource {
  /** In keys and counters: enum sample_source of bpf/sample.h. */
  readonly number: number
  readonly kind: SampleKind
  /** The program that takes its samples. */
  readonly program: ProgramName
  /**
   * From here on there are samples. Throws a FlamewatchError that says why this kernel has none of
   * this kind.
   */
  attach(object: BpfObject): AttachedSource
}

export interface AttachedSource {
  /** Once per window: looks after what may have changed. Never throws. */
  follow(): void
  /** No more samples. */
  close(): void
}

/** The programs of bpf/profile.bpf.c. */
export const PROGRAMS = ['on_sample', 'on_switch', 'on_probe', 'on_tracepoint'] as const
export type ProgramName = (typeof PROGRAMS)[number]
