import { describe, expect, it } from 'vitest'
import { BUCKETS } from './difference.ts'
import { contrast, parseHex, type Rgb, toLinear } from './oklab.ts'
import { DIFF_COLORS, diffPalette, plainBucket, plainPalette, type Theme } from './palette.ts'

const THEMES: readonly Theme[] = ['light', 'dark']

// Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
const VISION: Readonly<Record<string, readonly number[]>> = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [
    0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998,
  ],
  deutan: [
    0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881,
  ],
  tritan: [
    1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039,
  ],
}

describe('the palette of differences', () => {
  it.each(THEMES)('has labels of at least 4.5:1 in every bucket, %s', (theme) => {
    const palette = diffPalette(theme)
    expect(palette.fill).toHaveLength(BUCKETS)
    for (let i = 0; i < BUCKETS; i++)
      expect(
        contrast(parseHex(palette.fill[i] as string), parseHex(palette.text[i] as string)),
      ).toBeGreaterThanOrEqual(4.5)
  })

  it.each(THEMES)('has readable labels where a search pushes frames back, %s', (theme) => {
    const palette = diffPalette(theme)
    for (let i = 0; i < BUCKETS; i++)
      expect(
        contrast(parseHex(palette.dimFill[i] as string), parseHex(palette.dimText[i] as string)),
      ).toBeGreaterThanOrEqual(3)
  })

  it.each(THEMES)(
    'keeps its ends apart from each other and from the middle for every eye, %s',
    (theme) => {
      const { less, none, more } = DIFF_COLORS[theme]
      for (const matrix of Object.values(VISION)) {
        const [a, n, b] = [less, none, more].map((hex) => toLab(see(parseHex(hex), matrix))) as [
          Lab,
          Lab,
          Lab,
        ]
        expect(deltaE2000(a, b)).toBeGreaterThanOrEqual(20)
        expect(deltaE2000(a, n)).toBeGreaterThanOrEqual(20)
        expect(deltaE2000(b, n)).toBeGreaterThanOrEqual(20)
      }
    },
  )

  it.each(THEMES)('says with its middle that nothing changed, %s', (theme) => {
    expect(diffPalette(theme).fill[128]).toBe(DIFF_COLORS[theme].none)
  })
})

describe('the palette of plain graphs', () => {
  it.each(THEMES)('has labels of at least 4.5:1, %s', (theme) => {
    const palette = plainPalette(theme)
    palette.fill.forEach((fill, i) => {
      expect(contrast(parseHex(fill), parseHex(palette.text[i] as string))).toBeGreaterThanOrEqual(
        4.5,
      )
    })
  })

  it('gives one function one colour, and kernel and user code different ones', () => {
    const fill = plainPalette('light').fill
    expect(plainBucket('native', 'libc.so.6', 'malloc')).toBe(
      plainBucket('native', 'libc.so.6', 'malloc'),
    )
    for (const kind of ['native', 'python', 'js', 'jvm', 'go', 'unheard of', 'residual'])
      expect(fill[plainBucket(kind, 'x', 'f')]).not.toBe(fill[plainBucket('kernel', 'x', 'f')])
  })

  it('has a bucket for whatever a server calls a kind', () => {
    const size = plainPalette('dark').fill.length
    for (const kind of ['', 'native', '__proto__', 'constructor', 'x'.repeat(1000)])
      expect(plainBucket(kind, 'm', 'n')).toBeLessThan(size)
  })
})

function see(rgb: Rgb, m: readonly number[]): Rgb {
  const [r, g, b] = rgb.map(toLinear) as [number, number, number]
  const row = (i: number): number =>
    Math.min(
      1,
      Math.max(0, (m[i] as number) * r + (m[i + 1] as number) * g + (m[i + 2] as number) * b),
    )
  return [row(0), row(3), row(6)]
}

type Lab = readonly [number, number, number]

// CIE Lab of linear sRGB, white D65.
function toLab([r, g, b]: Rgb): Lab {
  const f = (t: number): number =>
    t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b)
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

// Sharma, Wu and Dalal 2005.
function deltaE2000([l1, a1, b1]: Lab, [l2, a2, b2]: Lab): number {
  const rad = Math.PI / 180
  const mean = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2
  const g = 0.5 * (1 - Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7)))
  const [x1, x2] = [a1 * (1 + g), a2 * (1 + g)]
  const [c1, c2] = [Math.hypot(x1, b1), Math.hypot(x2, b2)]
  const hue = (x: number, b: number): number => (Math.atan2(b, x) / rad + 360) % 360
  const [h1, h2] = [hue(x1, b1), hue(x2, b2)]
  let dh = h2 - h1
  if (dh > 180) dh -= 360
  if (dh < -180) dh += 360
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad)
  const lMean = (l1 + l2) / 2
  const cMean = (c1 + c2) / 2
  const hMean = Math.abs(h1 - h2) > 180 ? ((h1 + h2 + 360) / 2) % 360 : (h1 + h2) / 2
  const t =
    1 -
    0.17 * Math.cos((hMean - 30) * rad) +
    0.24 * Math.cos(2 * hMean * rad) +
    0.32 * Math.cos((3 * hMean + 6) * rad) -
    0.2 * Math.cos((4 * hMean - 63) * rad)
  const sl = 1 + (0.015 * (lMean - 50) ** 2) / Math.sqrt(20 + (lMean - 50) ** 2)
  const sc = 1 + 0.045 * cMean
  const sh = 1 + 0.015 * cMean * t
  const turn = 30 * Math.exp(-(((hMean - 275) / 25) ** 2))
  const rc = 2 * Math.sqrt(cMean ** 7 / (cMean ** 7 + 25 ** 7))
  const rt = -Math.sin(2 * turn * rad) * rc
  const [dl, dc, dhh] = [(l2 - l1) / sl, (c2 - c1) / sc, dH / sh]
  return Math.sqrt(dl ** 2 + dc ** 2 + dhh ** 2 + rt * dc * dhh)
}
