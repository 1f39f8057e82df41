import type { Layout } from './layout.ts'
import { relativeChange } from './normalize.ts'

// A picture that stands alone: no script, no style sheet, no font but the reader's, so that it shows
// under any content policy, in mails and in pull requests. The root is on top.

export type SvgOptions = {
  readonly title: string
  readonly unit: string
  /** Of each side, as for the layout. */
  readonly scales: readonly number[]
  /** By node, 0 to 1; with two sides. */
  readonly confidence: Float64Array | null
}

const WIDTH = 1200
const ROW = 17
const HEAD = 30
const MIN_WIDTH = 0.3
const CHARACTER = 6.6

export function drawSvg(layout: Layout, options: SvgOptions): string {
  const { start, width, level, levels } = placeBoxes(layout, options.scales)
  const height = HEAD + levels * ROW + 6
  const boxes: string[] = []
  for (let i = 0; i < layout.nodes; i++) {
    const w = (width[i] as number) * WIDTH
    if (w < MIN_WIDTH) continue
    const x = ((start[i] as number) * WIDTH).toFixed(2)
    const y = HEAD + (level[i] as number) * ROW
    const name = layout.frames[layout.frame[i] as number]?.name ?? ''
    const fill = colorOf(layout, options, i)
    const title = escapeXml(`${name}\n${describe(layout, options, i)}`)
    boxes.push(
      `<g><title>${title}</title><rect x="${x}" y="${y}" width="${w.toFixed(2)}" ` +
        `height="${ROW - 1}" fill="${fill}"/>${drawLabel(name, Number(x), y, w)}</g>`,
    )
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
      'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11" fill="#111">',
    `<title>${escapeXml(options.title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="6" y="19" font-size="13">${escapeXml(options.title)}</text>`,
    layout.flat.length === 2 ? LEGEND : '',
    ...boxes,
    '</svg>\n',
  ].join('\n')
}

const LESS = [74, 155, 212] as const
const NEUTRAL = [224, 224, 224] as const
const MORE = [238, 127, 60] as const

const LEGEND = [
  [rgb(LESS), 'less in B'],
  [rgb(NEUTRAL), 'no clear change'],
  [rgb(MORE), 'more in B'],
]
  .map(
    ([fill, text], i) =>
      `<rect x="${WIDTH - 390 + i * 130}" y="9" width="12" height="12" fill="${fill}"/>` +
      `<text x="${WIDTH - 373 + i * 130}" y="19">${text}</text>`,
  )
  .join('')

// Shares of the root's width; children begin where their parent does, one after the other.
function placeBoxes(layout: Layout, scales: readonly number[]) {
  const { nodes, parent, childCount } = layout
  const sumAt = (i: number) =>
    layout.cum.reduce((sum, cum, side) => sum + cum.approximate(i) * (scales[side] as number), 0)
  const whole = sumAt(0)
  const width = Float64Array.from({ length: nodes }, (_, i) => (whole > 0 ? sumAt(i) / whole : 0))
  const start = new Float64Array(nodes)
  const level = new Uint32Array(nodes)
  let child = 1
  for (let i = 0; i < nodes; i++) {
    let x = start[i] as number
    for (const end = child + (childCount[i] as number); child < end; child++) {
      start[child] = x
      x += width[child] as number
      level[child] = (level[parent[child] as number] as number) + 1
    }
  }
  const levels = nodes === 0 ? 0 : (level[nodes - 1] as number) + 1
  return { start, width, level, levels }
}

function colorOf(layout: Layout, options: SvgOptions, i: number): string {
  const frame = layout.frames[layout.frame[i] as number]
  if (frame?.kind === 'residual') return '#f4f4f4'
  if (options.confidence === null) return colorOfModule(frame?.module ?? '')
  const [xA, xB] = normalised(layout, options, i)
  const t = relativeChange(xA as number, xB as number) * (options.confidence[i] as number)
  const end = t < 0 ? LESS : MORE
  const mixed = NEUTRAL.map((from, k) =>
    Math.round(from + ((end[k] as number) - from) * Math.abs(t)),
  )
  return rgb(mixed)
}

// Warm and light, so that black text reads on all of them; the same module is the same everywhere.
function colorOfModule(module: string): string {
  let hash = 0
  for (const character of module) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return `hsl(${20 + (Math.abs(hash) % 45)},85%,${66 + (Math.abs(hash >> 8) % 12)}%)`
}

function normalised(layout: Layout, options: SvgOptions, i: number): number[] {
  return layout.cum.map((cum, side) => cum.approximate(i) * (options.scales[side] as number))
}

function describe(layout: Layout, options: SvgOptions, i: number): string {
  return layout.cum
    .map((cum, side) => {
      const total = cum.approximate(0)
      const share = total > 0 ? (cum.approximate(i) / total) * 100 : 0
      const letter = layout.cum.length === 2 ? `${'AB'[side]}: ` : ''
      return `${letter}${cum.exact(i)} ${options.unit}, ${share.toPrecision(3)} %`
    })
    .join('\n')
}

function drawLabel(name: string, x: number, y: number, width: number): string {
  const room = Math.floor((width - 6) / CHARACTER)
  if (room < 3) return ''
  const shown = name.length <= room ? name : `${name.slice(0, room - 1)}…`
  return `<text x="${(x + 3).toFixed(2)}" y="${y + 12}">${escapeXml(shown)}</text>`
}

function rgb(parts: readonly number[]): string {
  return `rgb(${parts.join(',')})`
}

const XML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

// Characters XML 1.0 does not allow at all, not even escaped, become U+FFFD.
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => XML[character] as string)
}
