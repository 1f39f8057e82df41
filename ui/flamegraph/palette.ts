import { BUCKETS } from './difference.ts'
import { contrast, fromLch, mix, parseHex, type Rgb, toHex } from './oklab.ts'

// One palette for everybody: blue is less in B, vermillion more (Okabe-Ito), grey no clear change.
// The ends stay apart under protan, deutan and tritan vision; palette.test.ts holds that.

export type Theme = 'light' | 'dark'

/** Colours by bucket. `dim` is what a search pushes back. */
export type Palette = {
  readonly fill: readonly string[]
  readonly text: readonly string[]
  readonly dimFill: readonly string[]
  readonly dimText: readonly string[]
}

export const DIFF_COLORS = {
  light: { less: '#4a9bd4', none: '#e0e0e0', more: '#ee7f3c' },
  dark: { less: '#0072b2', none: '#3a3d42', more: '#d55e00' },
} as const

const GROUND = { light: '#ffffff', dark: '#14171c' } as const
const BLACK: Rgb = [0, 0, 0]
const WHITE: Rgb = [255, 255, 255]

const made = new Map<Theme, Palette>()

/** The 257 entries from less in B to more in B; made once per theme. */
export function diffPalette(theme: Theme): Palette {
  const known = made.get(theme) ?? mixDiffPalette(theme)
  made.set(theme, known)
  return known
}

function mixDiffPalette(theme: Theme): Palette {
  const { less, none, more } = DIFF_COLORS[theme]
  const middle = parseHex(none)
  const fills = Array.from({ length: BUCKETS }, (_, i) => {
    const t = (i - 128) / 128
    return t < 0 ? mix(middle, parseHex(less), -t) : mix(middle, parseHex(more), t)
  })
  return finish(fills, theme)
}

function finish(fills: readonly Rgb[], theme: Theme): Palette {
  const ground = parseHex(GROUND[theme])
  // Whole channels first, so that the text is chosen for the colour that is really drawn.
  const whole = fills.map((fill) => parseHex(toHex(fill)))
  const dim = whole.map((fill) => parseHex(toHex(mix(fill, ground, 0.72))))
  return {
    fill: whole.map(toHex),
    text: whole.map(textOn),
    dimFill: dim.map(toHex),
    dimText: dim.map((fill) => toHex(mix(parseHex(textOn(fill)), fill, 0.38))),
  }
}

// No single text colour reads on both ends; the better of black and white is always >= 4.58:1.
function textOn(fill: Rgb): string {
  return contrast(fill, BLACK) >= contrast(fill, WHITE) ? '#000000' : '#ffffff'
}

// Plain graphs: the kind of frame decides the region of the colour circle, the module the hue within
// it, so one program looks the same every day and kernel and user code are told apart at a glance.
type Region = { readonly hue: number; readonly spread: number; readonly chroma: number }

const REGIONS: Readonly<Record<string, Region>> = {
  native: { hue: 62, spread: 46, chroma: 0.085 },
  kernel: { hue: 285, spread: 30, chroma: 0.042 },
  python: { hue: 240, spread: 16, chroma: 0.09 },
  js: { hue: 105, spread: 20, chroma: 0.1 },
  jvm: { hue: 28, spread: 24, chroma: 0.085 },
  go: { hue: 200, spread: 26, chroma: 0.075 },
  ruby: { hue: 8, spread: 16, chroma: 0.095 },
  php: { hue: 300, spread: 20, chroma: 0.07 },
  perl: { hue: 180, spread: 16, chroma: 0.07 },
}
const GREY: Region = { hue: 260, spread: 0, chroma: 0.008 }
const HUES = 6
const SHADES = 3
export const KINDS: readonly string[] = [...Object.keys(REGIONS), 'other']

export function plainPalette(theme: Theme): Palette {
  const lightness = theme === 'light' ? 0.845 : 0.46
  const fills: Rgb[] = []
  for (const kind of KINDS) {
    const region = REGIONS[kind] ?? GREY
    for (let hue = 0; hue < HUES; hue++)
      for (let shade = 0; shade < SHADES; shade++)
        fills.push(
          fromLch(
            lightness + (shade - 1) * 0.018,
            region.chroma * (theme === 'light' ? 1 : 0.85),
            region.hue + (hue / (HUES - 1) - 0.5) * region.spread,
          ),
        )
  }
  return finish(fills, theme)
}

/** The bucket of the plain palette for a function. */
export function plainBucket(kind: string, module: string, name: string): number {
  const known = KINDS.indexOf(kind)
  const region = known < 0 ? KINDS.length - 1 : known
  return (region * HUES + (hash(module) % HUES)) * SHADES + (hash(name) % SHADES)
}

/** A bucket that stands for a kind in a legend. */
export function kindBucket(kind: string): number {
  return (Math.max(0, KINDS.indexOf(kind)) * HUES + 2) * SHADES + 1
}

// FNV-1a, 32 bits.
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h ^ (h >>> 15)) >>> 0
}
