import { errorMessage } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { type CpuEvent, CpuEvents } from './cpu-events.ts'
import { closeFd, pageBytes, pollReadable, readU64 } from './libc.ts'
import { openSideBand, readOnlineCpus } from './perf-event.ts'
import { type PerfRecord, PerfRing } from './perf-ring.ts'

// A record is some 110 bytes, an exec with its libraries a dozen of them: room for 100 execs between two
// readings, which come at half of it.
const RING_BYTES = Math.max(1 << 17, pageBytes)
const WAKE_BYTES = RING_BYTES / 2
const RECORD_LOST = 2

/** What the kernel tells of processes as they fork, execute and map code: perf's side-band records. */
export class SideBand {
  readonly #log: Log
  readonly #onRecord: PerfRecord
  readonly #rings = new Set<PerfRing>()
  readonly #cpus: CpuEvents
  #lost = 0
  #isRefused = false

  constructor(log: Log, onRecord: PerfRecord) {
    this.#log = log
    this.#onRecord = (bytes, view) => {
      // struct { header; u64 id; u64 lost; }
      if (view.getUint32(0, true) === RECORD_LOST) this.#lost += Number(view.getBigUint64(16, true))
      else onRecord(bytes, view)
    }
    this.#cpus = new CpuEvents({ online: readOnlineCpus, open: (cpu) => this.#open(cpu) })
  }

  /** Records the kernel had no room for. */
  get lost(): number {
    return this.#lost
  }

  /** Kernel memory of the rings. */
  get bytes(): number {
    return this.#rings.size * (RING_BYTES + pageBytes)
  }

  /** Once at the start and then once per window: follows the CPUs that are online. */
  rescan(): void {
    if (this.#isRefused) return
    try {
      this.#cpus.rescan()
    } catch (error) {
      // The right to sample all processes includes this; what short-lived ones then lack is counted.
      this.#isRefused = true
      this.#log.warn({ reason: errorMessage(error) }, 'executed programs are not told of')
    }
  }

  /** Hands over what is in the rings. */
  read(): void {
    for (const ring of this.#rings) ring.read(this.#onRecord)
  }

  close(): void {
    this.#cpus.close()
  }

  #open(cpu: number): CpuEvent | null {
    const fd = openSideBand(cpu, WAKE_BYTES)
    if (fd === null) return null
    let ring: PerfRing
    try {
      ring = new PerfRing(fd, RING_BYTES)
    } catch (error) {
      closeFd(fd)
      throw error
    }
    this.#rings.add(ring)
    const poll = pollReadable(fd, () => ring.read(this.#onRecord))
    return {
      runningNs: () => readU64(fd),
      close: () => {
        poll.close()
        ring.read(this.#onRecord)
        this.#rings.delete(ring)
        ring.close()
        closeFd(fd)
      },
    }
  }
}
