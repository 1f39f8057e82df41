import { hash64Into } from '../../infra/contract/ids.ts'
import { LABEL_LIMITS } from '../../infra/contract/labels.ts'
import type { ProfileLimits } from '../limits.ts'
import { IdTable } from './id-table.ts'
import type { SampleLabels } from './profile.ts'
import type { Reader } from './reader.ts'
import type { StringTable } from './strings.ts'

/**
 * The distinct label sets of a profile. Numeric labels (bytes of an allocation, thread ids) are
 * measurements, not names of a series, and not kept.
 */
export class SeriesInterner {
  readonly series: SampleLabels[] = []
  readonly #byHash = new IdTable(64)
  readonly #reader: Reader
  readonly #strings: StringTable
  readonly #limits: ProfileLimits
  /** String indices of one sample's labels: key, value, key, value, … */
  readonly #pairs: Uint32Array
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #hash = new Uint32Array(2)
  #count = 0
  #bytesRead = 0

  constructor(reader: Reader, strings: StringTable, limits: ProfileLimits) {
    this.#reader = reader
    this.#strings = strings
    this.#limits = limits
    this.#pairs = new Uint32Array(limits.labelsPerSample * 2)
    this.#bytes = new Uint8Array(this.#pairs.buffer)
    this.#view = new DataView(this.#pairs.buffer)
  }

  /** Starts a sample without labels. */
  clear(): void {
    this.#count = 0
  }

  /** Reads a Label message of the sample. */
  readLabel(): void {
    const reader = this.#reader
    const { end } = reader
    let key = 0
    let value = 0
    reader.end = reader.readBytesEnd('label')
    while (reader.next()) {
      switch (reader.field) {
        case 1:
          key = reader.readStringIndex('label key', this.#strings.count)
          break
        case 2:
          value = reader.readStringIndex('label str', this.#strings.count)
          break
        case 3:
          reader.readNumber('label num')
          break
        case 4:
          reader.readStringIndex('label num_unit', this.#strings.count)
          break
        default:
          reader.skip()
      }
    }
    reader.end = end
    if (value === 0) return
    if (this.#count * 2 === this.#pairs.length)
      reader.failLimit(`more than ${this.#limits.labelsPerSample} labels`)
    this.#pairs[this.#count * 2] = key
    this.#pairs[this.#count * 2 + 1] = value
    this.#count++
  }

  /** The index of the sample's label set. */
  intern(): number {
    hash64Into(this.#bytes, 0, this.#count * 8, this.#hash, 0, this.#view)
    const index = this.#byHash.count
    const found = this.#byHash.add(this.#hash[0] as number, this.#hash[1] as number, index)
    if (found >= 0) return found
    this.#checkSize()
    if (index >= this.#limits.series)
      this.#reader.failLimit(
        `more than ${this.#limits.series} distinct label sets; leave out labels that differ in ` +
          'every sample, such as span and request ids',
      )
    this.series.push(this.#readPairs())
    return index
  }

  // Before a string is made of them.
  #checkSize(): void {
    const { starts, ends } = this.#strings
    const size = (index: number) => (ends[index] as number) - (starts[index] as number)
    for (let i = 0; i < this.#count; i++) {
      const name = size(this.#pairs[i * 2] as number)
      const value = size(this.#pairs[i * 2 + 1] as number)
      if (name > LABEL_LIMITS.nameBytes || value > LABEL_LIMITS.valueBytes)
        this.#reader.fail(
          `a label of ${name} and ${value} bytes, name and value may have ` +
            `${LABEL_LIMITS.nameBytes} and ${LABEL_LIMITS.valueBytes}`,
        )
      this.#bytesRead += name + value
    }
    if (this.#bytesRead > this.#limits.labelBytes)
      this.#reader.failLimit(`more than ${this.#limits.labelBytes} bytes of distinct label sets`)
  }

  #readPairs(): SampleLabels {
    return Array.from({ length: this.#count }, (_, i) => [
      this.#strings.get(this.#pairs[i * 2] as number),
      this.#strings.get(this.#pairs[i * 2 + 1] as number),
    ])
  }
}
