import { PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { CallTree, SummedTree } from '../tree/call-tree.ts'
import { mergeTrees, sumUp } from '../tree/call-tree.ts'
import { Dictionary } from '../tree/dictionary.ts'
import { needsWide, numberOfWords, Sums } from '../tree/sums.ts'
import type { Dictionaries, Loaded } from './dictionaries.ts'
import { nameSource, planParts } from './plan.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import { findServices } from './services.ts'
import type { StackValues } from './stack-values.ts'
import { ROW_WORDS, readStackValues } from './stack-values.ts'

export type ReadTree = {
  readonly tree: SummedTree
  /** The tables that answered. */
  readonly source: string
}

/**
 * The stacks of one scope, or of several as the sides of one tree. Services are merged: the same
 * path in two services is one node.
 */
export async function readCallTree(
  reader: Reader,
  dictionaries: Dictionaries,
  scopes: readonly Scope[],
): Promise<ReadTree> {
  const sides = await Promise.all(
    scopes.map(async (scope) => {
      const services = await findServices(reader, scope.selector, scope.range)
      const parts = planParts(scope)
      const values = await readStackValues(reader, scope, { services, parts })
      return { services, values, source: nameSource(parts) }
    }),
  )
  const wide = needsWide(sides.reduce((sum, { values }) => sum + sumAbsolute(values), 0))
  const services = [...new Set(sides.flatMap((side) => side.services))]
  const trees = await Promise.all(
    services.map(async (service) => {
      const own = sides.map((side) => ofService(side.values, side.services.indexOf(service) + 1))
      const stackIds = idsOf(own)
      if (stackIds.length === 0) return null
      return growTree(await dictionaries.load(reader, service, stackIds), own, wide)
    }),
  )
  const found = trees.filter((tree) => tree !== null)
  const sources = [...new Set(sides.map((side) => side.source))]
  return {
    tree: sumUp(mergeTrees(found.length > 0 ? found : [emptyTree(sides.length)], sides.length)),
    source: sources.join(', '),
  }
}

function emptyTree(sides: number): CallTree {
  const dictionary = new Dictionary()
  const none = Array.from({ length: sides }, () => new Uint32Array(0))
  return growTree({ dictionary, leaves: new Int32Array(0) }, none, false)
}

/** Rows of one service, four words each: stack id, value. */
function ofService({ rows, words }: StackValues, service: number): Uint32Array {
  const out = new Uint32Array(rows * 4)
  let length = 0
  for (let at = 0; at < words.length; at += ROW_WORDS) {
    if (words[at] !== service) continue
    for (let i = 2; i < ROW_WORDS; i++) out[length++] = words[at + i] as number
  }
  return out.subarray(0, length)
}

function idsOf(sides: readonly Uint32Array[]): Uint32Array {
  const ids = new Uint32Array(sides.reduce((sum, rows) => sum + rows.length / 2, 0))
  let length = 0
  for (const rows of sides) {
    for (let at = 0; at < rows.length; at += 4) {
      ids[length++] = rows[at] as number
      ids[length++] = rows[at + 1] as number
    }
  }
  return ids
}

/** `leaves`: of the rows of all sides, one side after the other. */
function growTree(
  { dictionary, leaves }: Loaded,
  sides: readonly Uint32Array[],
  wide: boolean,
): CallTree {
  // Stacks are stored before the rows that name them; should one be missing all the same, its weight
  // stands under a frame that says so.
  const lost = leaves.includes(-1) ? addLost(dictionary) : -1
  let first = 0
  const flat = sides.map((rows) => {
    const sums = new Sums(dictionary.trie.nodes, wide)
    const count = rows.length / 4
    for (let i = 0; i < count; i++) {
      const leaf = leaves[first + i] as number
      const at = leaf < 0 ? lost : leaf
      sums.addWords(at, rows[i * 4 + 2] as number, rows[i * 4 + 3] as number)
    }
    first += count
    return sums
  })
  return { ...dictionary.snapshot(), flat }
}

function addLost(dictionary: Dictionary): number {
  const [low, high] = [1, 0]
  dictionary.nameFunction(low, high, '[stack not stored]', '', PLACEHOLDER_MODULE)
  return dictionary.addStack(low, high, Uint32Array.of(low, high))
}

function sumAbsolute({ words }: StackValues): number {
  let sum = 0
  for (let at = 0; at < words.length; at += ROW_WORDS)
    sum += Math.abs(numberOfWords(words[at + 4] as number, words[at + 5] as number))
  return sum
}
