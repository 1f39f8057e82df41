import { SIDE_BAND } from './side-band-record.ts'

/** A record as the kernel wrote it. */
export type SideBandRecord = DataView<ArrayBuffer>

// Before each record: where the one before it of the same process begins (-1: none).
const LINK_BYTES = 8

/**
 * The last records of each process, in a ring of bytes: what the kernel tells of is rarely asked for, so
 * nothing is read of it before. A record costs some 120 bytes and a place in a map per process.
 */
export class SideBandLog {
  readonly #bytes: Uint8Array
  readonly #view: DataView<ArrayBuffer>
  /** Position of the last record by pid; positions only grow. */
  readonly #last = new Map<number, number>()
  #end = 0

  /** A power of two, some hundred records and more. */
  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer as ArrayBuffer)
  }

  /** Keeps what says something of a process' code; `view` begins where `bytes` do. */
  add(bytes: Uint8Array, view: DataView): void {
    if (!isTelling(view)) return
    const size = this.#bytes.length
    const needed = LINK_BYTES + bytes.length
    const left = size - (this.#end % size)
    if (needed > left) this.#end += left
    const at = this.#end % size
    const pid = view.getUint32(SIDE_BAND.pid, true)
    this.#view.setFloat64(at, this.#last.get(pid) ?? -1, true)
    this.#bytes.set(bytes, at + LINK_BYTES)
    this.#last.set(pid, this.#end)
    this.#end += needed
  }

  /** Those of a process that are still there, oldest first; of any process that had that pid. */
  recordsOf(pid: number): SideBandRecord[] {
    const records: SideBandRecord[] = []
    const size = this.#bytes.length
    for (let position = this.#last.get(pid) ?? -1; this.#isThere(position); ) {
      const at = position % size
      const from = at + LINK_BYTES
      const length = this.#view.getUint16(from + SIDE_BAND.size, true)
      records.push(new DataView(this.#bytes.buffer as ArrayBuffer, from, length))
      position = this.#view.getFloat64(at, true)
    }
    // Of several CPUs each has its own order.
    return records.sort((a, b) => Number(timeOf(a) - timeOf(b)))
  }

  /** Forgets the pids of which nothing is there any more. */
  tidy(): void {
    for (const [pid, position] of this.#last) if (!this.#isThere(position)) this.#last.delete(pid)
  }

  #isThere(position: number): boolean {
    return position >= 0 && position >= this.#end - this.#bytes.length
  }
}

/** CLOCK_BOOTTIME in ns; sample_id_all puts it at the end. */
export function timeOf(record: SideBandRecord): bigint {
  return record.getBigUint64(record.byteLength - 8, true)
}

function isTelling(view: DataView): boolean {
  switch (view.getUint32(SIDE_BAND.type, true)) {
    case SIDE_BAND.types.mmap2:
      return true
    case SIDE_BAND.types.comm:
      return (view.getUint16(SIDE_BAND.misc, true) & SIDE_BAND.commExec) !== 0
    case SIDE_BAND.types.fork:
      // Not of threads, which come and go by the thousand.
      return view.getUint32(SIDE_BAND.pid, true) !== view.getUint32(SIDE_BAND.fork.parent, true)
    default:
      return false
  }
}
