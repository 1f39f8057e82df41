import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createMetrics, ownMetrics } from '../infra/runtime/metrics.ts'
import { createCollectorMetrics } from './collector-metrics.ts'
import type { SamplerCost } from './kernel/sampler.ts'
import { UNWIND_ENDS } from './kernel/unwind-layout.ts'

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8')

type Documented = { readonly name: string; readonly labels: readonly string[] }

function documented(): Documented[] {
  const rows = README.matchAll(/^\| `(flamewatch_\w+)` \| ([^|]*)\|/gm)
  return [...rows].map(([, name = '', labels = '']) => ({
    name,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
  }))
}

test('every metric is documented with its labels, and every documented one is there', () => {
  const metrics = createMetrics()
  createCollectorMetrics(metrics)
  const registered = metrics.registry.getMetricsAsArray().map((metric) => ({
    name: metric.name,
    labels: 'labelNames' in metric ? metric.labelNames : [],
  }))
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  expect(documented().sort(byName)).toEqual(registered.sort(byName))
})

const COST: SamplerCost = {
  ...{ runTimeNs: 0, runCount: 0, mapBytes: 5, verifiedInstructions: 0, readMs: 0, readings: 0 },
  ...{ overflowed: 3, eventsLost: 2, programs: new Map() },
  unwindEnds: Object.fromEntries(
    UNWIND_ENDS.map((end, n) => [end, n]),
  ) as SamplerCost['unwindEnds'],
}

async function lineOf(metrics: ReturnType<typeof createMetrics>, line: string): Promise<string> {
  const text = await metrics.registry.metrics()
  return text.split('\n').find((candidate) => candidate.startsWith(`${line} `)) ?? ''
}

test('totals of the sampler become counters, also when they begin anew', async () => {
  const metrics = createMetrics()
  const collector = createCollectorMetrics(metrics)
  collector.showSampler(COST)
  collector.showSampler({ ...COST, overflowed: 10 })
  expect(await lineOf(metrics, 'flamewatch_samples_overflowed_total')).toMatch(/ 10$/)
  collector.showSampler({ ...COST, overflowed: 4 })
  expect(await lineOf(metrics, 'flamewatch_samples_overflowed_total')).toMatch(/ 14$/)
  expect(await lineOf(metrics, 'flamewatch_unwind_samples_total{end="whole"}')).toMatch(/ 1$/)
})

test('every reason of a loss is there before the first loss', async () => {
  const metrics = createMetrics()
  createCollectorMetrics(metrics)
  const line = 'flamewatch_samples_dropped_total{reason="spool_full"}'
  expect(await lineOf(metrics, line)).toMatch(/ 0$/)
})

test("a process shows its own metrics without those every process has, in Prometheus' form", async () => {
  const metrics = createMetrics({ process: true })
  createCollectorMetrics(metrics)
  const text = await ownMetrics(metrics)
  expect(text).toMatch(/^# HELP flamewatch_samples_taken_total .*\n# TYPE .* counter\n/)
  expect(text).not.toContain('process_cpu')
})
