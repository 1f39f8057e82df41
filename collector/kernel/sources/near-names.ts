const MOST_NAMES = 5

/** What a user may have meant: names that contain `wrong` or differ from it in few letters, best first. */
export function nearNames(wrong: string, names: Iterable<string>): string[] {
  const most = Math.max(1, Math.floor(wrong.length / 4))
  const found: { name: string; distance: number }[] = []
  for (const name of names) {
    const distance = name.includes(wrong)
      ? (name.length - wrong.length) / 100
      : editDistance(wrong, name, most)
    if (distance <= most) found.push({ name, distance })
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
  return [...new Set(found.map(({ name }) => name))].slice(0, MOST_NAMES)
}

/** Letters to add, leave out or change; `most` + 1 for more than `most`. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    if (Math.min(...next) > most) return most + 1
    row = next
  }
  return row[b.length] as number
}
