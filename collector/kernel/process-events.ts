import type { Log } from '../../infra/runtime/log.ts'
import { type Poll, pollReadable } from './libc.ts'
import { RingBuffer } from './ring-buffer.ts'
import { EVENT } from './sample-layout.ts'

export type SampledProcess = {
  readonly tgid: number
  /** Start of the thread group in ns since boot (CLOCK_BOOTTIME); 0 when the kernel cannot tell. */
  readonly startTimeNs: bigint
}

/** As in bpf/maps.bpf.h. */
const RING_BYTES = 1 << 16
// Leaves the event loop to others in between; the ring is polled again at once.
const EVENTS_AT_ONCE = 256

/** Tells of processes within about a millisecond of their first sample, while they still live. */
export class ProcessEvents {
  readonly #ring: RingBuffer
  readonly #log: Log
  readonly #onProcess: (process: SampledProcess) => void
  readonly #poll: Poll

  constructor(fd: number, log: Log, onProcess: (process: SampledProcess) => void) {
    this.#ring = new RingBuffer(fd, RING_BYTES)
    this.#log = log
    this.#onProcess = onProcess
    this.#poll = pollReadable(fd, () => this.#read())
  }

  close(): void {
    this.#poll.close()
    this.#ring.close()
  }

  #read(): void {
    this.#ring.read(this.#ring.producerPosition(), EVENTS_AT_ONCE, (memory, offset) => {
      const event = new DataView(memory, offset, EVENT.bytes)
      const process = {
        tgid: event.getUint32(EVENT.tgid, true),
        startTimeNs: event.getBigUint64(EVENT.startTime, true),
      }
      try {
        this.#onProcess(process)
      } catch (err) {
        this.#log.error({ err, tgid: process.tgid }, 'process event')
      }
    })
  }
}
