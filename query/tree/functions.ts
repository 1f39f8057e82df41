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

/** What the frame of a node says. The root and cut frames are no functions of the store. */
export type FrameInfo = FunctionInfo

export const ROOT_FRAME: FrameInfo = {
  id: '0',
  name: 'total',
  file: '',
  module: PLACEHOLDER_MODULE,
  kind: 'placeholder',
}

export function residualFrame(frames: number): FrameInfo {
  return {
    id: '0',
    name: `[${frames} smaller frames]`,
    file: '',
    module: '[residual]',
    kind: 'residual',
  }
}

export function frameOf(functions: Functions, fn: number): FrameInfo {
  const module = functions.modules[fn] as string
  return {
    id: idOf(functions, fn).toString(),
    name: functions.names[fn] as string,
    file: functions.files[fn] as string,
    module,
    kind: kindOfModule(module),
  }
}

export function idOf(functions: Functions, fn: number): bigint {
  return toId(functions.ids[fn * 2] as number, functions.ids[fn * 2 + 1] as number)
}
