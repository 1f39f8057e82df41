// How sure a comparison is of each change. For now by sample counts alone: hosts differ from each
// other by more than counting noise, so this is no significance test and says so. The judged
// comparison replaces this file; nothing else knows how confidence comes about.

export type Certainty = {
  /** One sentence for the reader. */
  readonly sentence: string
  /** 0 = no clear change, 1 = certain; of values a and b in the type's unit. */
  confidence(a: number, b: number): number
}

type SideCounts = { readonly total: number; readonly samplesPerValue: number | null }

const ENOUGH_SAMPLES = 50

export function judge(a: SideCounts, b: SideCounts): Certainty {
  if (a.total === 0 || b.total === 0) {
    const side = a.total === 0 ? (b.total === 0 ? 'Both sides have' : 'Side A has') : 'Side B has'
    return { sentence: `${side} no samples, so nothing is compared.`, confidence: () => 0 }
  }
  const perA = a.samplesPerValue
  const perB = b.samplesPerValue
  if (perA === null || perB === null) {
    return {
      sentence:
        'Colour shows size only: no significance test was made, and profiles of this type do not ' +
        'say how many samples they hold.',
      confidence: () => 1,
    }
  }
  return {
    sentence:
      'Colour shows size only: no significance test was made. Frames with fewer than ' +
      `${ENOUGH_SAMPLES} samples over both sides are drawn paler.`,
    confidence: (valueA, valueB) => {
      const samples = Math.abs(valueA) * perA + Math.abs(valueB) * perB
      return Math.min(1, samples / ENOUGH_SAMPLES)
    },
  }
}
