import { readlinkSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** The nice value of the thread that calls, which on Linux is its own. */
export class ThreadPriority {
  // `PID/task/TID`
  readonly #thread = Number(readlinkSync('/proc/thread-self').split('/')[2])
  readonly #first = getPriority(this.#thread)

  /** Ahead of all others (as the sampler's thread); without the right to it, nothing changes. */
  raise(): void {
    this.#set(-15)
  }

  /** As the thread began. */
  lower(): void {
    this.#set(this.#first)
  }

  #set(niceness: number): void {
    try {
      setPriority(this.#thread, niceness)
    } catch {
      // Needs CAP_SYS_NICE. On a busy host more processes then end before they are read.
    }
  }
}
