// What the store takes as one block without a part being cut off (reference: a Native block).
const MAX_ROWS = 10_000
const MAX_PAIRS = 1_000_000

export type BlockSize = { readonly profiles: number; readonly samples: number }

/**
 * Cuts `items`, in their order, into as few groups as one block of the store may hold each. One that
 * is larger by itself is a group by itself.
 */
export function groupBySize<T>(items: readonly T[], sizeOf: (item: T) => BlockSize): T[][] {
  const groups: T[][] = []
  let rows = 0
  let pairs = 0
  for (const item of items) {
    const { profiles, samples } = sizeOf(item)
    rows += profiles
    pairs += samples
    const last = groups.at(-1)
    if (last && rows <= MAX_ROWS && pairs <= MAX_PAIRS) {
      last.push(item)
      continue
    }
    groups.push([item])
    rows = profiles
    pairs = samples
  }
  return groups
}
