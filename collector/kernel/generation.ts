import {
  STACK_ABSENT,
  STACK_COLLISION,
  STACK_ERROR,
  STACK_NO_MEMORY,
  STACK_UNREADABLE,
} from '../window.ts'
import { takeCounts } from './count-map.ts'
import { HashedStacks } from './hashed-stacks.ts'
import type { MapCalls } from './libbpf.ts'
import { KEY, KEY_WORDS, NO_STACK, OVERFLOW, SOURCE } from './sample-layout.ts'
import type { Slices } from './slices.ts'
import { StackMaps } from './stack-maps.ts'
import type { WindowBuilder } from './window-builder.ts'

const ENOMEM = 12
const EFAULT = 14
const EEXIST = 17

export type GenerationMaps = {
  readonly counts: number
  readonly ways: readonly [number, number]
  /** User stacks by hash, where they are walked by tables. */
  readonly userStacks?: number
  /** Where there are sources beside the CPU clock: their counts, and their stacks by hash. */
  readonly beside?: { readonly counts: number; readonly stacks: number }
}

export type Reading = {
  /** Samples found in the map of counts. */
  readonly counted: number
  /** Samples found as overflow records. */
  readonly overflowed: number
  /** The same by source; none that had no sample. */
  readonly sources: ReadonlyMap<number, Readonly<SourceReading>>
  /** 0, or the negative errno that ended the reading of counts early. */
  readonly error: number
  /** The same of the stacks by hash; their samples are kept without. */
  readonly stackError: number
  /** Stack ids that named no stack: a bug, those rows have STACK_ERROR. */
  readonly missingStacks: number
  /** Stacks no row named. */
  readonly unclaimedStacks: number
  /** Different stacks of sources beside the CPU clock. */
  readonly besideStacks: number
}

/** The part of a reading that is one source's. */
export type SourceReading = { counted: number; overflowed: number }

/** Reads one of the two generations of maps, while programs fill the other. */
export class Generation {
  readonly #calls: MapCalls
  readonly #counts: readonly number[]
  readonly #stacks: StackMaps
  readonly #userStacks: HashedStacks | undefined
  readonly #besideStacks: HashedStacks | undefined
  readonly #isKernelThread: (tgid: number) => boolean
  /** Whole records of the overflow ring that belong to this generation. */
  readonly #records: Uint32Array[] = []

  /** `isKernelThread` is asked only where the kernel program cannot tell (without BTF). */
  constructor(calls: MapCalls, maps: GenerationMaps, isKernelThread: (tgid: number) => boolean) {
    this.#calls = calls
    this.#counts = [maps.counts, ...(maps.beside ? [maps.beside.counts] : [])]
    this.#stacks = new StackMaps(calls, maps.ways)
    if (maps.userStacks !== undefined) this.#userStacks = new HashedStacks(calls, maps.userStacks)
    if (maps.beside) this.#besideStacks = new HashedStacks(calls, maps.beside.stacks)
    this.#isKernelThread = isKernelThread
  }

  /** `record` is a struct overflow_record as sent; it is kept until the next take(). */
  addOverflow(record: Uint32Array): void {
    this.#records.push(record)
  }

  async take(into: WindowBuilder, slices: Slices): Promise<Reading> {
    const row = new Uint32Array(KEY_WORDS)
    const indexes = new Map<number, number>()
    const sources = new Map<number, SourceReading>()
    let missingStacks = 0

    const readingOf = (source: number): SourceReading => {
      let reading = sources.get(source)
      if (!reading) {
        reading = { counted: 0, overflowed: 0 }
        sources.set(source, reading)
      }
      return reading
    }
    // Undefined where the key says nothing. Rows are told apart by their stacks from here on.
    const takeHashed = (field: number): number | undefined => {
      const low = row[field] as number
      const high = row[field + 1] as number
      if (low === 0 && high === 0) return undefined
      row.fill(0, field, field + 2)
      const stacks = row[KEY.source] === SOURCE.cpu ? this.#userStacks : this.#besideStacks
      const index = stacks?.find(low, high)
      if (index === undefined) missingStacks++
      return index ?? STACK_ERROR
    }

    const resolve = (id: number): number => {
      const known = indexes.get(id)
      if (known !== undefined) return known
      const index = this.#stacks.take(id, into)
      if (index === STACK_ERROR) missingStacks++
      indexes.set(id, index)
      return index
    }
    const setKernelStack = (id: number) => {
      row[KEY.kernelStack] = takeHashed(KEY.kernelHash) ?? (id >= 0 ? resolve(id) : kernelFault(id))
    }
    const setUserStack = (id: number) => {
      const hashed = takeHashed(KEY.userHash)
      if (hashed !== undefined) {
        row[KEY.userStack] = hashed
        return
      }
      if (id === -EFAULT && !row[KEY.kernelThread] && this.#isKernelThread(row[KEY.tgid] as number))
        row[KEY.kernelThread] = 1
      row[KEY.userStack] = id >= 0 ? resolve(id) : userFault(id, row[KEY.kernelThread] === 1)
    }

    const stackError =
      ((await this.#userStacks?.take(into, slices)) ?? 0) ||
      ((await this.#besideStacks?.take(into, slices)) ?? 0)
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
      readingOf(row[KEY.source] as number).overflowed++
      if (slices.due) await slices.yield()
    }
    const addCount = (key: Uint32Array, count: number, sum: number) => {
      row.set(key)
      setKernelStack(signed(row, KEY.kernelStack))
      setUserStack(signed(row, KEY.userStack))
      into.addRow(row, count, sum)
      readingOf(row[KEY.source] as number).counted += count
    }
    let error = 0
    for (const counts of this.#counts)
      error = (await takeCounts(this.#calls, counts, slices, addCount)) || error
    const unclaimedStacks = await this.#stacks.clear(slices)
    let counted = 0
    let overflowed = 0
    for (const reading of sources.values()) {
      counted += reading.counted
      overflowed += reading.overflowed
    }
    const besideStacks = this.#besideStacks?.size ?? 0
    return {
      ...{ counted, overflowed, sources, error, stackError },
      ...{ missingStacks, unclaimedStacks, besideStacks },
    }
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
