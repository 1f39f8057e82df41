// What a file of this folder exports:
//
//   export const name = 'ingest'            `npm run bench -- ingest` selects it
//   export async function run(options: BenchOptions): Promise<readonly Measurement[]>

export type BenchOptions = {
  /** `--soak 1h`: how long the collector runs beside programs that come and go, instead of being measured. */
  readonly soakMs?: number
}

export type Measurement = {
  /** With the load it was measured under. */
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Of design.md; absent where a figure only goes with another. */
  readonly target?: { readonly atMost: number } | { readonly atLeast: number }
}

export type Bench = {
  readonly name: string
  readonly run: (options: BenchOptions) => Promise<readonly Measurement[]>
}

export function isMet({ value, target }: Measurement): boolean | null {
  if (target === undefined) return null
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast
}

/** The value that a share of `values` does not exceed: 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Milliseconds of each of `times` calls, after one that warms up. */
export async function timeCalls(
  times: number,
  call: () => Promise<unknown>,
): Promise<readonly number[]> {
  await call()
  const elapsed: number[] = []
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    await call()
    elapsed.push(performance.now() - start)
  }
  return elapsed
}
