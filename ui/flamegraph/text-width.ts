import type { Measure } from './label.ts'

// Widths of the printable ASCII characters are measured once per font; a name is then a sum, which
// is thirty times cheaper than measureText. Other names are measured whole and remembered.

export function createMeasure(measureText: (text: string) => number): Measure {
  const ascii = new Float64Array(128)
  for (let c = 32; c < 127; c++) ascii[c] = measureText(String.fromCharCode(c))
  const others = new Map<string, number>()
  return (text) => {
    let width = 0
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c >= 127) return measureOther(text)
      width += ascii[c] as number
    }
    return width
  }

  function measureOther(text: string): number {
    let width = others.get(text)
    if (width === undefined) {
      width = measureText(text)
      others.set(text, width)
    }
    return width
  }
}
