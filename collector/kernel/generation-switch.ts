import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { BpfObject, MapCalls } from './libbpf.ts'
import { lastErrno, type Mapping, mapMemory, pageBytes } from './libc.ts'

/** Says which generation of maps the program writes. */
export class GenerationSwitch {
  readonly #calls: MapCalls
  readonly #variables: Mapping
  readonly #word: Uint32Array
  readonly #barrier: number
  readonly #barrierInner: number
  #active: 0 | 1 = 0

  /** Throws `kernel_error`. */
  constructor(calls: MapCalls, object: BpfObject) {
    this.#calls = calls
    // `generation` is the only variable in .bss. libbpf's own copy of it is not the kernel's memory.
    const variables = mapMemory(object.mapFd('.bss'), pageBytes, 0, 'write')
    if (!variables)
      throw new FlamewatchError(
        'kernel_error',
        `map variables of the program: errno ${lastErrno()}`,
      )
    this.#variables = variables
    this.#word = new Uint32Array(variables.memory, 0, 1)
    this.#barrier = object.mapFd('barrier')
    this.#barrierInner = object.mapFd('barrier_inner')
  }

  /**
   * Makes the program write the other generation and returns the one it wrote until now. When this
   * resolves, after an RCU grace period of 5 to 15 ms, no program writes that one any more. Throws
   * `kernel_error`; the generations are then as they were.
   */
  async flip(): Promise<0 | 1> {
    const filled = this.#active
    const next = filled === 0 ? 1 : 0
    Atomics.store(this.#word, 0, next)
    const result = await this.#calls.updateWaiting(
      this.#barrier,
      new Uint8Array(4),
      new Uint8Array(Uint32Array.of(this.#barrierInner).buffer),
    )
    if (result < 0) {
      Atomics.store(this.#word, 0, filled)
      throw new FlamewatchError('kernel_error', `wait for running programs: errno ${-result}`, {
        retriable: true,
      })
    }
    this.#active = next
    return filled
  }

  close(): void {
    this.#variables.close()
  }
}
