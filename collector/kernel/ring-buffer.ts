import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { lastErrno, type Mapping, mapMemory, pageBytes } from './libc.ts'

// A BPF ring buffer read through its memory, without a call into C per record. Layout (kernel/bpf/
// ringbuf.c): one page with the consumer's position, one with the producer's, then the data twice in a
// row, so that no record wraps. A record is a header of 8 bytes, whose first word holds the length and
// two flags, then its bytes, padded to 8.

const HEADER = 8
const BUSY = 0x80000000
const DISCARDED = 0x40000000

export type RingRecord = (memory: ArrayBuffer, offset: number, length: number) => void

export class RingBuffer {
  readonly #pages: Mapping[]
  readonly #consumer: BigUint64Array
  readonly #producer: BigUint64Array
  readonly #words: Uint32Array
  readonly #data: ArrayBuffer
  readonly #size: bigint
  #closed = false

  /** `sizeBytes` is max_entries of the map. Throws `kernel_error`. */
  constructor(fd: number, sizeBytes: number) {
    const consumer = map(fd, pageBytes, 0, 'write')
    const producer = map(fd, pageBytes + 2 * sizeBytes, pageBytes, 'read')
    this.#pages = [consumer, producer]
    this.#consumer = new BigUint64Array(consumer.memory, 0, 1)
    this.#producer = new BigUint64Array(producer.memory, 0, 1)
    this.#words = new Uint32Array(producer.memory)
    this.#data = producer.memory
    this.#size = BigInt(sizeBytes)
  }

  /** Everything before this position was reserved when it was asked for. */
  producerPosition(): bigint {
    return Atomics.load(this.#producer, 0)
  }

  /**
   * Hands over up to `limit` records before `until`, in order; what they point at is valid within the
   * call only. `busy`: the next record is still being written.
   */
  read(until: bigint, limit: number, onRecord: RingRecord): 'done' | 'more' | 'busy' {
    if (this.#closed) return 'done'
    let position = Atomics.load(this.#consumer, 0)
    let left = limit
    while (position < until) {
      if (left-- === 0) return 'more'
      const at = pageBytes + Number(position % this.#size)
      const header = Atomics.load(this.#words, at / 4)
      if (header & BUSY) return 'busy'
      const length = header & ~(BUSY | DISCARDED)
      if (!(header & DISCARDED)) onRecord(this.#data, at + HEADER, length)
      position += BigInt((HEADER + length + 7) & ~7)
      Atomics.store(this.#consumer, 0, position)
    }
    return 'done'
  }

  close(): void {
    this.#closed = true
    for (const page of this.#pages.splice(0)) page.close()
  }
}

function map(fd: number, length: number, offset: number, access: 'read' | 'write'): Mapping {
  const mapping = mapMemory(fd, length, offset, access)
  if (mapping) return mapping
  throw new FlamewatchError('kernel_error', `map BPF ring buffer: errno ${lastErrno()}`)
}
