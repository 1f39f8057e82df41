import type { Log } from '../../infra/runtime/log.ts'
import { type Poll, pollReadable } from './libc.ts'
import { RingBuffer } from './ring-buffer.ts'
import { EVENT, EVENT_REASON } from './sample-layout.ts'
import type { ProgramRun } from './unwind-layout.ts'

/** `startTimeNs` is 0 when the kernel cannot tell. */
export type SampledProcess = ProgramRun

export type ProcessListener = {
  /** A process at its first sample, and again after it executed another program. */
  readonly onProcess: (process: SampledProcess) => void
  /** A process ran code outside the mappings of its entry, at most five times a second, or has none. */
  readonly onUnknownAddress: (process: SampledProcess) => void
}

/** As in bpf/maps.bpf.h. */
const RING_BYTES = 1 << 16
// Leaves the event loop to others in between; the ring is polled again at once.
const EVENTS_AT_ONCE = 256

/** Tells of processes within about a millisecond of their first sample, while they still live. */
export class ProcessEvents {
  readonly #ring: RingBuffer
  readonly #log: Log
  readonly #listener: ProcessListener
  readonly #poll: Poll

  constructor(fd: number, log: Log, listener: ProcessListener) {
    this.#ring = new RingBuffer(fd, RING_BYTES)
    this.#log = log
    this.#listener = listener
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
        program: event.getUint32(EVENT.program, true),
      }
      const isAddress = event.getUint32(EVENT.reason, true) === EVENT_REASON.address
      try {
        if (isAddress) this.#listener.onUnknownAddress(process)
        else this.#listener.onProcess(process)
      } catch (err) {
        this.#log.error({ err, tgid: process.tgid }, 'process event')
      }
    })
  }
}
