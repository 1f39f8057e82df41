// Call trees of the simulated services, written as text: a line is a frame, its callees stand below
// it, two spaces deeper. After two or more spaces follow, in any order, the CPU time spent in the
// frame itself (`3.5`, in any unit), `@module` and the source file; module and file hold for the
// callees too until they name their own. `+name` puts in the tree of that name, scaled to its time.

export type DemoFrame = { readonly name: string; readonly file: string; readonly module: string }

export type DemoStack = {
  /** Root first. */
  readonly frames: readonly DemoFrame[]
  readonly weight: number
}

type Line = { readonly depth: number; readonly frame: DemoFrame; readonly weight: number }

/** One stack per frame that has time of its own. Throws on a line it cannot read. */
export function parseCallTree(
  text: string,
  insertions: Readonly<Record<string, readonly DemoStack[]>> = {},
): DemoStack[] {
  const stacks: DemoStack[] = []
  const path: DemoFrame[] = []
  for (const source of text.split('\n')) {
    if (source.trim() === '') continue
    const { depth, frame, weight } = parseLine(source, path)
    if (depth > path.length) throw new Error(`a callee without a caller: ${source}`)
    path.length = depth
    if (frame.name.startsWith('+')) {
      const inserted = insertions[frame.name.slice(1)]
      if (!inserted) throw new Error(`no tree to put in: ${source}`)
      const scale = weight / sumWeights(inserted)
      for (const stack of inserted)
        stacks.push({ frames: [...path, ...stack.frames], weight: stack.weight * scale })
      continue
    }
    path.push(frame)
    if (weight > 0) stacks.push({ frames: [...path], weight })
  }
  return stacks
}

function parseLine(source: string, path: readonly DemoFrame[]): Line {
  const indent = source.length - source.trimStart().length
  if (indent % 2 !== 0) throw new Error(`an odd indent: ${source}`)
  const depth = indent / 2
  const caller = path[depth - 1]
  let { module = '', file = '' } = caller ?? {}
  let weight = 0
  const [name = '', ...columns] = source.trim().split(/ {2,}/)
  for (const column of columns) {
    if (/^\d/.test(column)) weight = Number(column)
    else if (column.startsWith('@')) {
      module = column.slice(1)
      file = ''
    } else file = column
  }
  if (!Number.isFinite(weight)) throw new Error(`not a time: ${source}`)
  return { depth, frame: { name, file, module }, weight }
}

export function sumWeights(stacks: readonly DemoStack[]): number {
  return stacks.reduce((sum, stack) => sum + stack.weight, 0)
}
