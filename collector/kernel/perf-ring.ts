import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { lastErrno, type Mapping, mapMemory, pageBytes } from './libc.ts'

// The ring of a perf event (struct perf_event_mmap_page in linux/perf_event.h): one page with the
// positions, then the data. Records begin with u32 type, u16 misc, u16 size; they are multiples of 8 bytes
// and may go on at the start of the data.

const DATA_HEAD = 1024
const DATA_TAIL = 1032
const LARGEST_RECORD = 1 << 16

/** A record with its header, valid within the call only. */
export type PerfRecord = (bytes: Uint8Array, view: DataView) => void

export class PerfRing {
  readonly #pages: Mapping
  readonly #head: BigUint64Array
  readonly #tail: BigUint64Array
  readonly #data: Uint8Array
  readonly #view: DataView
  readonly #whole = new Uint8Array(LARGEST_RECORD)
  readonly #wholeView = new DataView(this.#whole.buffer)

  /** `sizeBytes` of data: a power of two, and of pages. Throws `perf_event`. */
  constructor(fd: number, sizeBytes: number) {
    const pages = mapMemory(fd, pageBytes + sizeBytes, 0, 'write')
    if (!pages)
      throw new FlamewatchError('perf_event', `map ring of perf event: errno ${lastErrno()}`)
    this.#pages = pages
    this.#head = new BigUint64Array(pages.memory, DATA_HEAD, 1)
    this.#tail = new BigUint64Array(pages.memory, DATA_TAIL, 1)
    this.#data = new Uint8Array(pages.memory, pageBytes, sizeBytes)
    this.#view = new DataView(pages.memory, pageBytes, sizeBytes)
  }

  /** Hands over all records that are there. */
  read(onRecord: PerfRecord): void {
    const size = this.#data.length
    const head = Atomics.load(this.#head, 0)
    for (let tail = Atomics.load(this.#tail, 0); tail < head; ) {
      const at = Number(tail % BigInt(size))
      const length = this.#view.getUint16(at + 6, true)
      // What follows cannot be told apart any more.
      if (length < 8) tail = head
      else {
        const end = at + length
        if (end <= size)
          onRecord(
            this.#data.subarray(at, end),
            new DataView(this.#pages.memory, pageBytes + at, length),
          )
        else {
          this.#whole.set(this.#data.subarray(at))
          this.#whole.set(this.#data.subarray(0, end - size), size - at)
          onRecord(this.#whole.subarray(0, length), this.#wholeView)
        }
        tail += BigInt(length)
      }
      Atomics.store(this.#tail, 0, tail)
    }
  }

  close(): void {
    this.#pages.close()
  }
}
