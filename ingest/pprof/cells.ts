import type { ProfileLimits } from '../limits.ts'
import { IdTable } from './id-table.ts'
import type { RowColumns } from './profile.ts'
import type { Reader } from './reader.ts'
import type { Scratch } from './scratch.ts'

/**
 * Sums of the values by (series, stack), one for each sample type. int64 and exact: low and high
 * words with a carry, since JavaScript's numbers end at 2^53.
 */
export class CellTable {
  readonly #series: Uint32Array
  readonly #stacks: Uint32Array
  readonly #values: Uint32Array
  readonly #types: number
  readonly #byPair: IdTable
  readonly #reader: Reader
  readonly #limits: ProfileLimits
  readonly #scratch: Scratch

  /** `expected` cells: as many as there are samples at most. */
  constructor(
    reader: Reader,
    expected: number,
    types: number,
    limits: ProfileLimits,
    scratch: Scratch,
  ) {
    this.#scratch = scratch

    this.#reader = reader
    this.#types = types
    this.#limits = limits
    this.#series = scratch.words('cell series', expected)
    this.#stacks = scratch.words('cell stacks', expected)
    this.#values = scratch.words('cell values', expected * types * 2)
    this.#byPair = new IdTable(expected, scratch, 'cell')
  }

  /** Adds one sample's values, two words each. */
  add(series: number, stack: number, values: Uint32Array): void {
    const index = this.#byPair.count
    const found = this.#byPair.add(series, stack, index)
    const width = this.#types * 2
    if (found < 0) {
      this.#series[index] = series
      this.#stacks[index] = stack
      for (let i = 0; i < width; i++) this.#values[index * width + i] = values[i] as number
      return
    }
    for (let i = 0; i < width; i += 2) this.#addInt64(found * width + i, values, i)
  }

  #addInt64(at: number, values: Uint32Array, i: number): void {
    const sums = this.#values
    const low = (sums[at] as number) + (values[i] as number)
    const carry = low > 0xffff_ffff ? 1 : 0
    const high = ((sums[at + 1] as number) | 0) + ((values[i + 1] as number) | 0) + carry
    if (high !== (high | 0)) this.#reader.fail('the values of its stack add up beyond 64 bits')
    sums[at] = low
    sums[at + 1] = high
  }

  /** One row per series and type, without the values that are 0. */
  finish(seriesCount: number, stackIds: Uint32Array): RowColumns {
    const cells = this.#order(seriesCount)
    const { count } = this.#byPair
    const rows = new RowBuilder(this.#reader, this.#limits, this.#scratch)
    const width = this.#types * 2
    let from = 0
    while (from < count) {
      const series = this.#series[cells[from] as number] as number
      let to = from + 1
      while (to < count && this.#series[cells[to] as number] === series) to++
      for (let type = 0; type < this.#types; type++) {
        for (let i = from; i < to; i++) {
          const cell = cells[i] as number
          const at = cell * width + type * 2
          const low = this.#values[at] as number
          const high = this.#values[at + 1] as number
          if ((low | high) !== 0) rows.addPair(this.#stacks[cell] as number, low, high)
        }
        rows.endRow(series, type)
      }
      from = to
    }
    return rows.finish(stackIds)
  }

  // Cells by series, in the order they came within one: a counting sort.
  #order(seriesCount: number): Uint32Array {
    const { count } = this.#byPair
    const starts = this.#scratch.zeros('cell starts', seriesCount + 1)
    for (let i = 0; i < count; i++) (starts[(this.#series[i] as number) + 1] as number)++
    for (let s = 1; s <= seriesCount; s++)
      starts[s] = (starts[s] as number) + (starts[s - 1] as number)
    const order = this.#scratch.words('cell order', count)
    for (let i = 0; i < count; i++) {
      const series = this.#series[i] as number
      const place = starts[series] as number
      order[place] = i
      starts[series] = place + 1
    }
    return order
  }
}

class RowBuilder {
  #series: number[] = []
  #types: number[] = []
  #ends: number[] = []
  #stacks: Uint32Array
  #values: Uint32Array
  #pairs = 0
  #total = 0
  readonly #reader: Reader
  readonly #limits: ProfileLimits
  readonly #scratch: Scratch

  constructor(reader: Reader, limits: ProfileLimits, scratch: Scratch) {
    this.#reader = reader
    this.#limits = limits
    this.#scratch = scratch
    this.#stacks = scratch.words('row stacks', 1024)
    this.#values = scratch.words('row values', 2048)
  }

  addPair(stack: number, low: number, high: number): void {
    if (this.#pairs >= this.#limits.pairs)
      this.#reader.failLimit(`more than ${this.#limits.pairs} values`)
    if (this.#pairs === this.#stacks.length)
      this.#stacks = this.#scratch.grow('row stacks', this.#stacks)
    if (this.#pairs * 2 === this.#values.length)
      this.#values = this.#scratch.grow('row values', this.#values)
    this.#stacks[this.#pairs] = stack
    this.#values[this.#pairs * 2] = low
    this.#values[this.#pairs * 2 + 1] = high
    this.#pairs++
    this.#total += (high | 0) * 0x1_0000_0000 + low
  }

  /** Ends the row of a series and type, unless it stayed empty. */
  endRow(series: number, type: number): void {
    if (this.#pairs === (this.#ends.at(-1) ?? 0)) return
    // The store sums a row into an int64.
    if (Math.abs(this.#total) > 9.2e18)
      this.#reader.fail(`the values of sample_type ${type} add up beyond 64 bits`)
    if (this.#ends.length >= this.#limits.rows)
      this.#reader.failLimit(`more than ${this.#limits.rows} series and sample types`)
    this.#series.push(series)
    this.#types.push(type)
    this.#ends.push(this.#pairs)
    this.#total = 0
  }

  finish(stackIds: Uint32Array): RowColumns {
    const stacks = this.#stacks.subarray(0, this.#pairs)
    const ids = this.#scratch.words('row stack ids', this.#pairs * 2).subarray(0, this.#pairs * 2)
    for (let i = 0; i < this.#pairs; i++) {
      const stack = stacks[i] as number
      ids[i * 2] = stackIds[stack * 2] as number
      ids[i * 2 + 1] = stackIds[stack * 2 + 1] as number
    }
    return {
      count: this.#ends.length,
      series: Uint32Array.from(this.#series),
      types: Uint32Array.from(this.#types),
      ends: Uint32Array.from(this.#ends),
      stacks,
      stackIds: ids,
      values: this.#values.subarray(0, this.#pairs * 2),
    }
  }
}
