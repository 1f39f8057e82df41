import { toId } from '../../infra/contract/ids.ts'
import { kindOfModule, PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { FunctionInfo } from '../api.ts'

/** Columns of functions; a function is an index into them. */
export type Functions = {
  readonly count: number
  /** Content hashes, two words each, low then high. */
  readonly ids: Uint32Array
  readonly names: readonly string[]
  readonly files: readonly string[]
  readonly modules: readonly string[]
}

/**
 * What the frame of a node says; the root and cut frames are no functions of the store. The id as
 * two words: decimal text of thousands of ids would take longer than the rest of an answer's head.
 */
export type Frame = Omit<FunctionInfo, 'id'> & { readonly low: number; readonly high: number }

export const ROOT_FRAME: Frame = {
  ...{ low: 0, high: 0, name: 'total', file: '' },
  module: PLACEHOLDER_MODULE,
  kind: 'placeholder',
}

export function residualFrame(frames: number): Frame {
  return {
    ...{ low: 0, high: 0, name: `[${frames} smaller frames]`, file: '' },
    module: '[residual]',
    kind: 'residual',
  }
}

export function frameOf({ ids, names, files, modules }: Functions, fn: number): Frame {
  const module = modules[fn] as string
  return {
    low: ids[fn * 2] as number,
    high: ids[fn * 2 + 1] as number,
    name: names[fn] as string,
    file: files[fn] as string,
    module,
    kind: kindOfModule(module),
  }
}

export function describeFrame({ low, high, ...rest }: Frame): FunctionInfo {
  return { id: toId(low, high).toString(), ...rest }
}

export function describeFunction(functions: Functions, fn: number): FunctionInfo {
  return describeFrame(frameOf(functions, fn))
}

export function idOf(functions: Functions, fn: number): bigint {
  return toId(functions.ids[fn * 2] as number, functions.ids[fn * 2 + 1] as number)
}
