import type { ColumnsHeader } from '../api.ts'
import type { Frame } from './functions.ts'
import type { Layout } from './layout.ts'

export const COLUMNS_TYPE = 'application/vnd.flamewatch.columns'
const MAGIC = 0x3143_5746

/**
 * A layout as binary columns, as the end of query/api.ts lays them out. `confidence` (0 to 1, by
 * node) is there with two sides.
 */
export function encodeColumns(
  layout: Layout,
  header: Omit<ColumnsHeader, 'files' | 'modules' | 'kinds'>,
  confidence: Float64Array | null,
): Uint8Array {
  const { nodes: n, frames } = layout
  const files = new Numbering()
  const modules = new Numbering()
  const kinds: string[] = []
  const fileIndex = new Uint32Array(frames.length)
  const moduleIndex = new Uint32Array(frames.length)
  const functionId = new Uint32Array(frames.length * 2)
  const nameEnd = new Uint32Array(frames.length)
  const names: string[] = []
  let end = 0
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i] as Frame
    fileIndex[i] = files.numberOf(frame.file)
    const module = modules.numberOf(frame.module)
    moduleIndex[i] = module
    kinds[module] = frame.kind
    functionId[i * 2] = frame.low
    functionId[i * 2 + 1] = frame.high
    names.push(frame.name)
    end += Buffer.byteLength(frame.name)
    nameEnd[i] = end
  }
  const whole: ColumnsHeader = { ...header, files: files.texts, modules: modules.texts, kinds }
  const json = Buffer.from(JSON.stringify(whole))
  const fixed = Uint32Array.of(MAGIC, layout.flat.length, n, frames.length, json.length, end)
  const sections: ArrayBufferView[] = [fixed, json]
  for (const flat of layout.flat) sections.push(flat.doubles())
  sections.push(layout.frame, layout.childCount)
  if (confidence !== null) sections.push(toBytes(confidence))
  sections.push(functionId, nameEnd, fileIndex, moduleIndex, Buffer.from(names.join('')))
  return join8(sections)
}

function toBytes(confidence: Float64Array): Uint8Array {
  const bytes = new Uint8Array(confidence.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(255 * (confidence[i] as number))
  return bytes
}

class Numbering {
  readonly texts: string[] = []
  readonly #numbers = new Map<string, number>()

  numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.texts.length)
    return this.texts.push(text) - 1
  }
}

// Every section starts at a multiple of 8: a Float64Array over any other offset throws.
function join8(sections: readonly ArrayBufferView[]): Uint8Array {
  const padded = (length: number) => Math.ceil(length / 8) * 8
  const out = new Uint8Array(sections.reduce((sum, section) => sum + padded(section.byteLength), 0))
  let at = 0
  for (const { buffer, byteOffset, byteLength } of sections) {
    out.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += padded(byteLength)
  }
  return out
}
