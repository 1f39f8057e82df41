import type { Scene } from './paint.ts'
import { PAD_PX, ROW_PX, TEXT_FROM_PX } from './paint.ts'

/** The boxes in view as an SVG document: for slides and documents, sharp at any size. */
export function drawSvg(scene: Scene): string {
  const { plan, palette, shade, tree, labels, width, height } = scene
  const parts: string[] = []
  for (let i = 0; i < plan.runs; i++) {
    const bucket = shade.run(plan.runFirst[i] as number, plan.runLast[i] as number)
    const box = rect(
      plan.runX[i] as number,
      scene.top(plan.runLevel[i] as number),
      plan.runW[i] as number,
    )
    parts.push(`<rect ${box} fill="${palette.fill[bucket]}"/>`)
  }
  for (let i = 0; i < plan.boxes; i++) {
    const node = plan.node[i] as number
    const f = tree.fn[node] as number
    const dim = scene.marks !== null && scene.marks[f] !== 1
    const bucket = shade.node(node)
    const fill = (dim ? palette.dimFill : palette.fill)[bucket]
    const x = plan.x[i] as number
    const w = plan.w[i] as number
    const y = scene.top(plan.level[i] as number)
    const only = shade.only(node)
    const hatch =
      only === 0 ? '' : `<rect ${rect(x, y, w - 0.5)} fill="url(#${only > 0 ? 'new' : 'gone'})"/>`
    const label = w < TEXT_FROM_PX ? '' : labels(f, w - 2 * PAD_PX)
    const color = (dim ? palette.dimText : palette.text)[bucket]
    const text =
      label === ''
        ? ''
        : `<text x="${round(x + PAD_PX)}" y="${round(y + 14)}" fill="${color}">${escapeXml(label)}</text>`
    const title = escapeXml(tree.functions.name(f))
    parts.push(
      `<g><title>${title}</title><rect ${rect(x, y, w - 0.5)} fill="${fill}"/>${hatch}${text}</g>`,
    )
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<defs>
<pattern id="new" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v6" stroke="${scene.paper.hatch}"/></pattern>
<pattern id="gone" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><path d="M0 0v6" stroke="${scene.paper.hatch}"/></pattern>
</defs>
<rect width="100%" height="100%" fill="${scene.paper.ground}"/>
${parts.join('\n')}
</svg>
`
}

function rect(x: number, y: number, w: number): string {
  return `x="${round(x)}" y="${round(y)}" width="${round(Math.max(0.5, w))}" height="${ROW_PX - 1}"`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

// XML has no characters below the blank but tab and line ends, not even escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(FORBIDDEN, '\u{fffd}')
    .replace(/[&<>"]/g, (c) => ENTITIES[c] as string)
}
