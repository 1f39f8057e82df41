import type { Frame } from './frame.ts'

// An object of twelve fields, a place in a map and an address as bigint; names are shared.
export const FRAME_BYTES = 250

const BLANK: Frame = {
  name: '',
  systemName: '',
  file: '',
  line: 0,
  startLine: 0,
  inlined: [],
  mapping: '',
  buildId: '',
  address: 0n,
  threadStart: false,
}

/** A frame with the fields that are known. */
export function makeFrame(
  known: Partial<Frame> & { readonly name: string; readonly mapping: string },
): Frame {
  return { ...BLANK, ...known }
}

/** Where nothing is mapped: one frame for all such addresses, which say nothing. */
export const UNKNOWN_FRAME: Frame = makeFrame({ name: '[unknown]', mapping: '[unknown]' })
