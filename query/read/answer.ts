import { PLACEHOLDER, PLACEHOLDER_MODULE, parseProfileType } from '../../infra/contract/profile.ts'
import type { Side } from '../api.ts'
import { formatSelector } from '../selector.ts'
import { formatTime } from '../time.ts'
import type { SummedTree } from '../tree/call-tree.ts'
import { readCallTree } from './call-trees.ts'
import type { Dictionaries } from './dictionaries.ts'
import { describeExpiry, readExpiry } from './expiry.ts'
import { checkPatterns } from './patterns.ts'
import { planParts } from './plan.ts'
import type { Reader } from './reader.ts'
import type { Scope } from './scope.ts'
import type { SideFacts } from './side.ts'
import { countHosts, readSideFacts } from './side.ts'

export type AnsweredSide = {
  readonly scope: Scope
  readonly facts: SideFacts
  /** In the type's unit, rounded beyond 2^53. */
  readonly total: number
  readonly side: Side
}

export type AnsweredTree = {
  readonly tree: SummedTree
  readonly sides: readonly AnsweredSide[]
  readonly unit: string
  readonly source: string
}

/** The joined tree of all sides, with the facts about each. */
export async function answerTree(
  reader: Reader,
  dictionaries: Dictionaries,
  scopes: readonly Scope[],
): Promise<AnsweredTree> {
  await Promise.all(scopes.map(({ selector }) => checkPatterns(reader, selector)))
  const [{ tree, source }, known] = await Promise.all([
    readCallTree(reader, dictionaries, scopes),
    Promise.all(scopes.map((scope) => readKnown(reader, scope))),
  ])
  const sides = scopes.map((scope, i) => describeSide(tree, scope, known[i] as Known, i))
  return { tree, sides, source, unit: unitOf(scopes[0] as Scope) }
}

type Known = {
  readonly facts: SideFacts
  /** Null where no profiles have expired. */
  readonly expired: { readonly beforeMs: number; readonly hosts: number } | null
}

async function readKnown(reader: Reader, scope: Scope): Promise<Known> {
  const [facts, beforeMs] = await Promise.all([
    readSideFacts(reader, scope),
    readExpiry(reader, scope),
  ])
  if (beforeMs === null) return { facts, expired: null }
  return { facts, expired: { beforeMs, hosts: await countHosts(reader, scope) } }
}

export function unitOf({ type }: Scope): string {
  return parseProfileType(type)?.sampleUnit ?? ''
}

function describeSide(
  tree: SummedTree,
  scope: Scope,
  { facts, expired }: Known,
  index: number,
): AnsweredSide {
  const cum = tree.cum[index] as SummedTree['cum'][number]
  const total = cum.approximate(0)
  const { samplesPerValue, profiles, hosts, hostSeconds } = facts
  // What is left stands for what has expired.
  const scale = expired !== null && facts.total > 0 ? Math.max(1, total / facts.total) : 1
  const side: Side = {
    query: formatSelector(scope.selector),
    from: formatTime(scope.range.fromMs),
    to: formatTime(scope.range.toMs),
    total: cum.value(0),
    profiles,
    samples: samplesPerValue === null ? null : Math.round(total * samplesPerValue),
    hosts: expired === null ? hosts : Math.max(hosts, expired.hosts),
    hostSeconds: hostSeconds * scale,
    brokenShare: total > 0 ? sumBroken(tree, index) / total : 0,
    ...(expired !== null && { note: describeExpired(scope, expired.beforeMs) }),
  }
  return { scope, facts, total, side }
}

function describeExpired(scope: Scope, beforeMs: number): string {
  return (
    `${describeExpiry(planParts(scope), beforeMs)} Profiles are those left, samples and host ` +
    'seconds are worked out from them, hosts are those of the days of the range.'
  )
}

// Stacks that do not reach their thread's start stand under a placeholder at the root.
function sumBroken({ trie, functions, cum }: SummedTree, side: number): number {
  let sum = 0
  for (let node = 1; node < trie.nodes; node++) {
    const fn = trie.fn[node] as number
    if (trie.parent[node] !== 0 || functions.names[fn] !== PLACEHOLDER.broken) continue
    if (functions.modules[fn] === PLACEHOLDER_MODULE) sum += cum[side]?.approximate(node) ?? 0
  }
  return sum
}
