import type { ValueType } from '../../infra/contract/profile.ts'

// What the scanner makes of a pprof: columns, ready to cross to another thread. 64-bit values are
// two words each, low then high.

export type FunctionColumns = {
  readonly count: number
  /** Content hashes, distinct. */
  readonly ids: Uint32Array
  /** For each function `name 0x00 file 0x00 module`, UTF-8: what its id is the hash of. */
  readonly text: Uint8Array
  /** Where name, file and module of each function end: three a function. */
  readonly ends: Uint32Array
}

export type StackColumns = {
  readonly count: number
  /** Content hashes, distinct. */
  readonly ids: Uint32Array
  /** Frames of stack i end here, counted in frames. */
  readonly ends: Uint32Array
  /** Function ids, ROOT first, as the store keeps them. */
  readonly frames: Uint32Array
}

/** One row per series and sample type that has a value other than 0. */
export type RowColumns = {
  readonly count: number
  /** Index into `series`. */
  readonly series: Uint32Array
  /** Index into `sampleTypes`. */
  readonly types: Uint32Array
  /** Pairs of row i end here. */
  readonly ends: Uint32Array
  /** Of each pair; a stack occurs once in a row. */
  readonly stackIds: Uint32Array
  /** Index into `stacks` of each pair. */
  readonly stacks: Uint32Array
  /** int64. */
  readonly values: Uint32Array
}

/** Name and value pairs as the samples had them; the first value of a name is kept. */
export type SampleLabels = readonly (readonly [name: string, value: string])[]

export type ScannedProfile = {
  readonly kind: 'profile'
  /** Holds all columns: what is transferred to hand them on. */
  readonly buffer: ArrayBuffer
  readonly sampleTypes: readonly ValueType[]
  /** Type and unit are '' when the profile does not say. */
  readonly periodType: ValueType
  readonly period: bigint
  /** 0 when the profile does not say. */
  readonly timeNs: bigint
  readonly durationNs: bigint
  readonly functions: FunctionColumns
  readonly stacks: StackColumns
  readonly series: readonly SampleLabels[]
  readonly rows: RowColumns
  /** What had to be cut to fit the limits: counts of stacks and of names. */
  readonly cut: { readonly stacks: number; readonly names: number }
}
