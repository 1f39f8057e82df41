import type { Measure } from './label.ts'
import type { Paper } from './paint.ts'
import { diffPalette, type Theme } from './palette.ts'
import { createMeasure } from './text-width.ts'

// What the canvas takes from the page: colours by their meaning, and how wide letters are. Reading
// either makes the browser settle its styles or load a font, so both are read once.

const papers = new Map<Theme, Paper>()
const measures = new Map<string, Measure>()

/** Colours and font of a theme, which must be the page's by then. */
export function paperOf(theme: Theme): Paper {
  const paper = papers.get(theme) ?? readPaper()
  papers.set(theme, paper)
  return paper
}

function readPaper(): Paper {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string): string => style.getPropertyValue(name).trim()
  return {
    ground: read('--surface'),
    ring: read('--focus'),
    hover: read('--graph-hover'),
    mark: read('--graph-mark'),
    hatch: read('--graph-hatch'),
    font: `12px ${read('--font')}`,
  }
}

export function measureOf(font: string): Measure {
  const measure = measures.get(font) ?? measureWith(font)
  measures.set(font, measure)
  return measure
}

function measureWith(font: string): Measure {
  const ctx = document.createElement('canvas').getContext('2d')
  if (!ctx) throw new Error('This browser gives no 2D canvas, which the flame graph is drawn on.')
  ctx.font = font
  ctx.fontKerning = 'none'
  return createMeasure((text) => ctx.measureText(text).width)
}

/** Gets ready what a first picture needs, while its data is on the way. */
export function prepareDrawing(theme: Theme): void {
  measureOf(paperOf(theme).font)
  diffPalette(theme)
}
