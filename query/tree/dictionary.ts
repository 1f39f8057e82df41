import { PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { Functions } from './functions.ts'
import { IdTable } from './id-table.ts'
import type { TrieColumns } from './trie.ts'
import { Trie } from './trie.ts'

/**
 * The stacks and functions of one service, kept between questions: stack id -> node of the trie,
 * whose frames are numbers of functions. It only grows, so numbers and nodes stay what they are.
 */
export class Dictionary {
  readonly trie = new Trie(1024)
  readonly #leaves = new IdTable(256)
  readonly #numbers = new IdTable(256)
  ids: Uint32Array = new Uint32Array(512)
  readonly names: string[] = []
  readonly files: string[] = []
  readonly modules: string[] = []
  /** Functions whose name the store has not told yet. */
  readonly nameless = new Set<number>()
  #textBytes = 0

  get count(): number {
    return this.names.length
  }

  get stacks(): number {
    return this.#leaves.size
  }

  /** An estimate: strings take up to two bytes a character and a header. */
  get bytes(): number {
    return (
      this.trie.bytes +
      this.#leaves.bytes +
      this.#numbers.bytes +
      this.ids.byteLength +
      this.#textBytes
    )
  }

  /** What is known now: another question may add to the dictionary while this one still reads. */
  snapshot(): { readonly trie: TrieColumns; readonly functions: Functions } {
    const { nodes, parent, fn, outermost } = this.trie
    const { count, ids, names, files, modules } = this
    return {
      trie: { nodes, parent, fn, outermost },
      functions: { count, ids, names, files, modules },
    }
  }

  /** Node of the leaf, -1 where the stack is not known. */
  leafOf(low: number, high: number): number {
    return this.#leaves.get(low, high)
  }

  /** `frames`: function ids root first, two words each. */
  addStack(low: number, high: number, frames: Uint32Array): number {
    let node = 0
    for (let i = 0; i < frames.length; i += 2)
      node = this.trie.child(node, this.#numberOf(frames[i] as number, frames[i + 1] as number))
    this.#leaves.set(low, high, node)
    return node
  }

  nameFunction(low: number, high: number, name: string, file: string, module: string): void {
    const number = this.#numberOf(low, high)
    this.names[number] = name
    this.files[number] = file
    this.modules[number] = module
    this.#textBytes += 2 * name.length + 100
    this.nameless.delete(number)
  }

  #numberOf(low: number, high: number): number {
    const known = this.#numbers.get(low, high)
    if (known >= 0) return known
    const number = this.names.length
    if (number * 2 === this.ids.length) {
      const ids = new Uint32Array(this.ids.length * 2)
      ids.set(this.ids)
      this.ids = ids
    }
    this.ids[number * 2] = low
    this.ids[number * 2 + 1] = high
    // Stands until the name is read; functions are stored before the stacks that name them.
    this.names.push('[function not stored]')
    this.files.push('')
    this.modules.push(PLACEHOLDER_MODULE)
    this.#numbers.set(low, high, number)
    this.nameless.add(number)
    return number
  }
}
