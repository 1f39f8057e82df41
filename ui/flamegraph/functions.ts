import type { FunctionInfo } from '../../query/api.ts'

/** The functions of a tree, by index. Names are made when asked for: a big tree has many never shown. */
export type Functions = {
  readonly count: number
  readonly name: (index: number) => string
  readonly file: (index: number) => string
  readonly module: (index: number) => string
  readonly kind: (index: number) => string
  /** 64-bit content hash, decimal. */
  readonly id: (index: number) => string
}

export function functionsOf(list: readonly FunctionInfo[]): Functions {
  const at = (index: number): FunctionInfo | undefined => list[index]
  return {
    count: list.length,
    name: (index) => at(index)?.name ?? '',
    file: (index) => at(index)?.file ?? '',
    module: (index) => at(index)?.module ?? '',
    kind: (index) => at(index)?.kind ?? '',
    id: (index) => at(index)?.id ?? '',
  }
}

/** The index of a function id, or -1. */
export function findFunction(functions: Functions, id: string): number {
  for (let i = 0; i < functions.count; i++) if (functions.id(i) === id) return i
  return -1
}
