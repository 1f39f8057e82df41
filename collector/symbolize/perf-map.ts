import fs from 'node:fs'
import { openRegular } from '../process/mapped-file.ts'
import { FileSource, readExactly } from './byte-source.ts'

// /tmp/perf-PID.map: what a JIT says about its code, one line "start size name" in hex, in the order
// of compiling. Addresses are used again, so a later line wins over all it overlaps.
// https://github.com/torvalds/linux/blob/master/tools/perf/Documentation/jit-interface.txt

// 160,000 lines of Node. Of a longer file the end is read: it is the newest code.
const MAX_BYTES = 16 << 20

export class PerfMap {
  /** Disjoint ranges in order; `#names` is where a range's name begins in the bytes read. */
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #names: readonly string[]

  constructor(starts: Float64Array, ends: Float64Array, names: readonly string[]) {
    this.#starts = starts
    this.#ends = ends
    this.#names = names
  }

  get rows(): number {
    return this.#starts.length
  }

  find(address: number): string | null {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] as number) <= address) low = middle + 1
      else high = middle
    }
    const row = low - 1
    return row >= 0 && address < (this.#ends[row] as number) ? (this.#names[row] as string) : null
  }
}

export type PerfMapFile = { readonly identity: string; readonly map: PerfMap }

/** Null when the process writes none. `known` is answered again while its file has not changed. */
export function readPerfMap(pid: number, known: PerfMapFile | null): PerfMapFile | null {
  const innerPid = readInnerPid(pid)
  if (innerPid === null) return null
  const file = openRegular(`/proc/${pid}/root/tmp/perf-${innerPid}.map`)
  if (file.kind === 'fault') return null
  try {
    if (file.identity === known?.identity) return known
    const from = Math.max(0, file.sizeBytes - MAX_BYTES)
    const source = new FileSource(file.fd, file.sizeBytes)
    const bytes = readExactly(source, from, file.sizeBytes - from)
    return bytes === null ? null : { identity: file.identity, map: parsePerfMap(bytes) }
  } finally {
    fs.closeSync(file.fd)
  }
}

/** The pid in the innermost namespace: the last number of NSpid. */
function readInnerPid(pid: number): string | null {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1')
    return /^NSpid:.*?(\d+)$/m.exec(status)?.[1] ?? null
  } catch {
    return null
  }
}

export function parsePerfMap(bytes: Buffer): PerfMap {
  const rows: { start: number; end: number; name: string; line: number }[] = []
  for (const [line, text] of bytes.toString('utf8').split('\n').entries()) {
    const match = /^(?:0x)?([0-9a-f]{1,14}) (?:0x)?([0-9a-f]{1,8}) (.+)$/.exec(text)
    if (match === null) continue
    const start = Number.parseInt(match[1] as string, 16)
    rows.push({
      start,
      end: start + Number.parseInt(match[2] as string, 16),
      name: match[3] as string,
      line,
    })
  }
  rows.sort((a, b) => a.start - b.start || a.line - b.line)
  return new PerfMap(
    Float64Array.from(rows, (r) => r.start),
    Float64Array.from(rows, (r) => r.end),
    rows.map((r) => r.name),
  )
}
