import {
  STACK_ABSENT,
  STACK_COLLISION,
  STACK_ERROR,
  STACK_NO_MEMORY,
  STACK_UNREADABLE,
} from '../window.ts'
import { takeCounts } from './count-map.ts'
import type { MapCalls } from './libbpf.ts'
import { KEY, KEY_WORDS, NO_STACK, OVERFLOW } from './sample-layout.ts'
import type { Slices } from './slices.ts'
import { StackMaps } from './stack-maps.ts'
import { UserStacks } from './user-stacks.ts'
import type { WindowBuilder } from './window-builder.ts'

const ENOMEM = 12
const EFAULT = 14
const EEXIST = 17

export type GenerationMaps = {
  readonly counts: number
  readonly ways: readonly [number, number]
  /** The map of user stacks, where they are walked by tables. */
  readonly userStacks?: number
}

export type Reading = {
  /** Samples found in the map of counts. */
  readonly counted: number
  /** Samples found as overflow records. */
  readonly overflowed: number
  /** 0, or the negative errno that ended the reading of counts early. */
  readonly error: number
  /** The same of the user stacks; their samples are kept without. */
  readonly stackError: number
  /** Stack ids that named no stack: a bug, those rows have STACK_ERROR. */
  readonly missingStacks: number
  /** Stacks no row named. */
  readonly unclaimedStacks: number
}

/** Reads one of the two generations of maps, while programs fill the other. */
export class Generation {
  readonly #calls: MapCalls
  readonly #counts: number
  readonly #stacks: StackMaps
  readonly #userStacks: UserStacks | undefined
  readonly #isKernelThread: (tgid: number) => boolean
  /** Whole records of the overflow ring that belong to this generation. */
  readonly #records: Uint32Array[] = []

  /** `isKernelThread` is asked only where the kernel program cannot tell (without BTF). */
  constructor(calls: MapCalls, maps: GenerationMaps, isKernelThread: (tgid: number) => boolean) {
    this.#calls = calls
    this.#counts = maps.counts
    this.#stacks = new StackMaps(calls, maps.ways)
    if (maps.userStacks !== undefined) this.#userStacks = new UserStacks(calls, maps.userStacks)
    this.#isKernelThread = isKernelThread
  }

  /** `record` is a struct overflow_record as sent; it is kept until the next take(). */
  addOverflow(record: Uint32Array): void {
    this.#records.push(record)
  }

  async take(into: WindowBuilder, slices: Slices): Promise<Reading> {
    const row = new Uint32Array(KEY_WORDS)
    const indexes = new Map<number, number>()
    let counted = 0
    let overflowed = 0
    let missingStacks = 0

    const resolve = (id: number): number => {
      const known = indexes.get(id)
      if (known !== undefined) return known
      const index = this.#stacks.take(id, into)
      if (index === STACK_ERROR) missingStacks++
      indexes.set(id, index)
      return index
    }
    const setKernelStack = (id: number) => {
      row[KEY.kernelStack] = id >= 0 ? resolve(id) : kernelFault(id)
    }
    const setUserStack = (id: number) => {
      const low = row[KEY.userHash] as number
      const high = row[KEY.userHash + 1] as number
      if (low !== 0 || high !== 0) {
        const index = this.#userStacks?.find(low, high)
        if (index === undefined) missingStacks++
        row[KEY.userStack] = index ?? STACK_ERROR
        // Rows are told apart by their stacks from here on.
        row.fill(0, KEY.userHash, KEY.userHash + 2)
        return
      }
      if (id === -EFAULT && !row[KEY.kernelThread] && this.#isKernelThread(row[KEY.tgid] as number))
        row[KEY.kernelThread] = 1
      row[KEY.userStack] = id >= 0 ? resolve(id) : userFault(id, row[KEY.kernelThread] === 1)
    }

    const stackError = (await this.#userStacks?.take(into, slices)) ?? 0
    for (const record of this.#records.splice(0)) {
      row.set(record.subarray(0, KEY_WORDS))
      const kernelWords = (record[OVERFLOW.kernelBytes] as number) / 4
      const userWords = (record[OVERFLOW.userBytes] as number) / 4
      const from = OVERFLOW.addresses
      if (kernelWords > 0) row[KEY.kernelStack] = into.addStack(record, from, kernelWords)
      else setKernelStack(signed(row, KEY.kernelStack))
      if (userWords > 0) row[KEY.userStack] = into.addStack(record, from + kernelWords, userWords)
      else setUserStack(signed(row, KEY.userStack))
      into.addRow(row, 1)
      overflowed++
      if (slices.due) await slices.yield()
    }
    const error = await takeCounts(this.#calls, this.#counts, slices, (key, count) => {
      row.set(key)
      setKernelStack(signed(row, KEY.kernelStack))
      setUserStack(signed(row, KEY.userStack))
      into.addRow(row, count)
      counted += count
    })
    const unclaimedStacks = await this.#stacks.clear(slices)
    return { counted, overflowed, error, stackError, missingStacks, unclaimedStacks }
  }
}

function signed(row: Uint32Array, field: number): number {
  return (row[field] as number) | 0
}

// EFAULT is how the kernel says that the sample hit user mode.
function kernelFault(errno: number): number {
  return errno === -EFAULT ? STACK_ABSENT : anyFault(errno)
}

function userFault(errno: number, kernelThread: boolean): number {
  if (errno === NO_STACK || kernelThread) return STACK_ABSENT
  return errno === -EFAULT ? STACK_UNREADABLE : anyFault(errno)
}

function anyFault(errno: number): number {
  if (errno === -EEXIST) return STACK_COLLISION
  return errno === -ENOMEM ? STACK_NO_MEMORY : STACK_ERROR
}
