// How Go's linker lays out what its runtime reads of itself. It changes with the magic number at the
// start of the table of functions: src/runtime/symtab.go (moduledata, pcHeader), runtime2.go (_func)
// and symtabinl.go (inlinedCall) of each release. Offsets and sizes in bytes.

export type GoLayout = {
  /** runtime._func without the arrays behind it. */
  readonly functionBytes: number
  readonly inlinedCall: {
    readonly bytes: number
    readonly name: number
    readonly parentPc: number
  }
  /** Where functions say at which line they begin; null before Go 1.20. */
  readonly startLine: { readonly inFunction: number; readonly inInlinedCall: number } | null
  /** moduledata.gofunc: code coverage put two words before it. */
  readonly inlineTrees: number
}

const GO_1_18: GoLayout = {
  functionBytes: 40,
  inlinedCall: { bytes: 20, name: 12, parentPc: 16 },
  startLine: null,
  inlineTrees: 304,
}

const GO_1_20: GoLayout = {
  functionBytes: 44,
  inlinedCall: { bytes: 16, name: 4, parentPc: 8 },
  startLine: { inFunction: 36, inInlinedCall: 12 },
  inlineTrees: 320,
}

/** By magic number; Go 1.26 still writes that of 1.20. */
export const GO_LAYOUTS: ReadonlyMap<number, GoLayout> = new Map([
  [0xfffffff0, GO_1_18],
  [0xfffffff1, GO_1_20],
])

/** The same in both. */
export const FUNCTION = { name: 4, pcFile: 20, pcLine: 24, pcDataCount: 28, unit: 32 } as const
export const MODULE = { text: 176, textEnd: 184, bytes: 328 } as const

/** Of the tables a function has by number: which call is inlined where, and what these calls are. */
export const PCDATA_INL_TREE_INDEX = 2
export const FUNCDATA_INL_TREE = 3
