import fs from 'node:fs'
import { type OpenFile, type OpenResult, openRegular } from '../process/mapped-file.ts'
import { readProcFile, resolveInRoot } from '../process/proc-file.ts'
import { parseStat } from '../process/process-reader.ts'
import { type ByteSource, FileSource, readExactly } from './byte-source.ts'
import { keepNewest, type NewestRanges } from './newest-ranges.ts'

// /tmp/perf-PID.map: what a JIT says about its code, one line "start size name" in hex, in the order
// of compiling. Addresses are used again, so a later line wins over all it overlaps. Files only
// grow, so of a known one only what was added is read.
// https://github.com/torvalds/linux/blob/master/tools/perf/Documentation/jit-interface.txt

export type PerfMap = {
  readonly device: bigint
  readonly inode: bigint
  readonly identity: string
  /** Bytes of the file that were read: lines up to here are known. */
  readonly readBytes: number
  /** Disjoint; `rows` is the position of the range's name in the file. */
  readonly ranges: NewestRanges
}

// 160,000 lines of Node. Of a longer file only the end is read: it is the newest code.
const MAX_READ_BYTES = 16 << 20
const MAX_ROWS = 1 << 18
const MAX_NAME_BYTES = 1024

const NO_RANGES: NewestRanges = {
  starts: new Float64Array(0),
  ends: new Float64Array(0),
  rows: new Uint32Array(0),
}

/** What the file holds now; `known` is what was read of it before. Null when it cannot be read. */
export function readPerfMap(file: OpenFile, known: PerfMap | null): PerfMap | null {
  if (file.identity === known?.identity) return known
  const same = known?.device === file.device && known.inode === file.inode
  const older = known !== null && same && known.readBytes < file.sizeBytes ? known : null
  const from = Math.max(older?.readBytes ?? 0, file.sizeBytes - MAX_READ_BYTES)
  const source = new FileSource(file.fd, file.sizeBytes)
  const bytes = readExactly(source, from, file.sizeBytes - from)
  if (bytes === null) return null
  // A line that is still being written is left for the next time.
  const complete = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)
  return {
    device: file.device,
    inode: file.inode,
    identity: file.identity,
    readBytes: from + complete.length,
    ranges: addLines(older?.ranges ?? NO_RANGES, complete, from),
  }
}

/** Position in the file of the name of the code at `address`; null when no line covers it. */
export function findInPerfMap({ ranges }: PerfMap, address: number): number | null {
  let low = 0
  let high = ranges.starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges.starts[middle] as number) <= address) low = middle + 1
    else high = middle
  }
  const row = low - 1
  return row >= 0 && address < (ranges.ends[row] as number) ? (ranges.rows[row] as number) : null
}

/** The name at a position that findInPerfMap gave; null when it is not there. */
export function readPerfMapName(source: ByteSource, map: PerfMap, position: number): string | null {
  const length = Math.min(MAX_NAME_BYTES, map.readBytes - position)
  const bytes = readExactly(source, position, length)
  if (bytes === null) return null
  const end = bytes.indexOf(0x0a)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/** Ranges of older lines with those of `bytes` over them; `from` is where `bytes` begins. */
export function addLines(older: NewestRanges, bytes: Buffer, from: number): NewestRanges {
  const lines = new LineReader(bytes, startOfLastLines(bytes, MAX_ROWS))
  const starts = Array.from(older.starts)
  const ends = Array.from(older.ends)
  const names = Array.from(older.rows)
  while (lines.next()) {
    starts.push(lines.start)
    ends.push(lines.start + lines.sizeBytes)
    names.push(from + lines.nameAt)
  }
  const first = Math.max(0, starts.length - MAX_ROWS)
  const newest = keepNewest({
    starts: Float64Array.from(starts.slice(first)),
    ends: Float64Array.from(ends.slice(first)),
  })
  return { ...newest, rows: newest.rows.map((row) => names[first + row] as number) }
}

function startOfLastLines(bytes: Buffer, count: number): number {
  let at = bytes.length
  for (let lines = 0; lines <= count && at > 0; lines++) at = bytes.lastIndexOf(0x0a, at - 1)
  return at + 1
}

class LineReader {
  start = 0
  sizeBytes = 0
  nameAt = 0
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  /** Goes to the next line that says something; false at the end. */
  next(): boolean {
    while (this.#at < this.#bytes.length) {
      const lineEnd = this.#bytes.indexOf(0x0a, this.#at)
      const end = lineEnd < 0 ? this.#bytes.length : lineEnd
      const start = this.#hex(end)
      const size = this.#hex(end)
      this.nameAt = this.#at
      const good = start !== null && size !== null && size > 0 && this.#at < end
      this.#at = end + 1
      if (!good) continue
      this.start = start
      this.sizeBytes = size
      return true
    }
    return false
  }

  // Some writers put 0x before a number. Null unless digits and a space follow.
  #hex(end: number): number | null {
    if (this.#bytes[this.#at] === 0x30 && ((this.#bytes[this.#at + 1] ?? 0) | 0x20) === 0x78)
      this.#at += 2
    let value = 0
    const first = this.#at
    for (; this.#at < end; this.#at++) {
      const digit = hexDigit(this.#bytes[this.#at] as number)
      if (digit < 0) break
      value = value * 16 + digit
    }
    const good = this.#at > first && this.#bytes[this.#at] === 0x20 && value <= 2 ** 53
    this.#at++
    return good ? value : null
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

type FileId = { readonly device: bigint; readonly inode: bigint }

/** Opens the map of a process, the one that is known if one is; the caller closes. */
export function openPerfMap(pid: number, known?: FileId): OpenResult {
  const status = readProcFile(`/proc/${pid}/status`, 8192)?.toString('latin1') ?? ''
  // The last number is the pid in the innermost namespace, the name the process itself uses.
  const innerPid = /^NSpid:.*?(\d+)$/m.exec(status)?.[1]
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]
  if (innerPid === undefined || uid === undefined) return refuse('the process has ended')
  const path = resolveInRoot(`/proc/${pid}/root`, `/tmp/perf-${innerPid}.map`)
  const file = path === null ? refuse('too many links') : openRegular(path, known)
  if (file.kind === 'fault') return file
  // /tmp is everybody's: another user may have put names there, and an earlier process of the same
  // number may have left its own.
  const own = file.ownerUid === 0 || file.ownerUid === Number(uid)
  if (own && file.modifiedMs >= startedMs(pid)) return file
  fs.closeSync(file.fd)
  return refuse('not of this process')
}

function refuse(reason: string): OpenResult {
  return { kind: 'fault', reason, transient: true }
}

let bootMs: number | undefined

// When the process began, unix ms. The kernel counts in hundredths of a second since boot and rounds
// the boot's time to seconds.
function startedMs(pid: number): number {
  bootMs ??=
    1000 *
    Number(
      /^btime (\d+)$/m.exec(readProcFile('/proc/stat', 1 << 20)?.toString('latin1') ?? '')?.[1] ??
        0,
    )
  const ticks =
    parseStat(readProcFile(`/proc/${pid}/stat`, 4096)?.toString('latin1') ?? '')?.startTicks ?? 0
  return bootMs + ticks * 10 - 2000
}
