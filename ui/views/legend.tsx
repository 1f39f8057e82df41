import { KINDS, kindBucket, plainPalette, type Theme } from '../flamegraph/palette.ts'
import type { Tree } from '../flamegraph/tree.ts'

const KIND_NAMES: Readonly<Record<string, string>> = {
  native: 'native',
  kernel: 'kernel',
  python: 'Python',
  js: 'JavaScript',
  jvm: 'JVM',
  go: 'Go',
  ruby: 'Ruby',
  php: 'PHP',
  perl: 'Perl',
}

/** What the colours of a comparison mean, always on screen. */
export function DiffLegend() {
  return (
    <ul class="legend" aria-label="What the colours mean">
      <li>
        <span class="swatch is-less" />
        less in B
      </li>
      <li>
        <span class="swatch is-none" />
        no clear change
      </li>
      <li>
        <span class="swatch is-more" />
        more in B
      </li>
      <li>
        <span class="swatch is-gone" />
        gone in B
      </li>
      <li>
        <span class="swatch is-new" />
        new in B
      </li>
    </ul>
  )
}

/** The kinds of frames there are in a tree. */
export function KindLegend({ tree, theme }: { tree: Tree; theme: Theme }) {
  const palette = plainPalette(theme)
  const there = new Set<string>()
  for (let f = 0; f < tree.functions.count; f++) there.add(tree.functions.kind(f))
  const kinds = KINDS.filter((kind) => there.has(kind) && KIND_NAMES[kind] !== undefined)
  return (
    <ul class="legend" aria-label="What the colours mean">
      {kinds.map((kind) => (
        <li key={kind}>
          <span class="swatch" style={{ background: palette.fill[kindBucket(kind)] ?? '' }} />
          {KIND_NAMES[kind]}
        </li>
      ))}
    </ul>
  )
}
