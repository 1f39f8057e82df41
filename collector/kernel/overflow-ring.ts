import { setImmediate } from 'node:timers/promises'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Generation } from './generation.ts'
import { RingBuffer } from './ring-buffer.ts'
import { OVERFLOW } from './sample-layout.ts'
import type { Slices } from './slices.ts'

const RECORDS_AT_ONCE = 256
// A record is written within microseconds, or as soon as its virtual CPU runs again.
const MOST_WAITS = 10_000

/** The ring of samples that found no place in a stack map. */
export class OverflowRing {
  readonly #ring: RingBuffer

  constructor(fd: number, sizeBytes: number) {
    this.#ring = new RingBuffer(fd, sizeBytes)
  }

  /**
   * Hands every record to the generation it belongs to: those of the one that is being filled are
   * among them already. Throws `kernel_error` when a record stays unfinished.
   */
  async distribute(generations: readonly [Generation, Generation], slices: Slices): Promise<void> {
    const until = this.#ring.producerPosition()
    for (let waits = 0; waits < MOST_WAITS; ) {
      const state = this.#ring.read(until, RECORDS_AT_ONCE, (memory, offset, length) => {
        const record = new Uint32Array(memory.slice(offset, offset + length))
        generations[record[OVERFLOW.generation] === 0 ? 0 : 1].addOverflow(record)
      })
      if (state === 'done') return
      if (state === 'busy') {
        waits++
        await setImmediate()
      } else if (slices.due) await slices.yield()
    }
    throw new FlamewatchError('kernel_error', 'A record of the overflow ring stays unfinished.')
  }

  close(): void {
    this.#ring.close()
  }
}
