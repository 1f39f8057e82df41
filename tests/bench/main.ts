import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Bench, BenchOptions, Measurement } from './measurement.ts'
import { isMet } from './measurement.ts'

// `npm run bench`: every measurement, or those named, as a table and as bench-results/TIME.json. It
// states figures beside design.md's targets and fails over none: they depend on the machine.

const ROOT = join(import.meta.dirname, '../..')
const RESULTS = join(ROOT, 'bench-results')

type Result = { readonly bench: string } & Measurement

async function loadBenches(): Promise<Bench[]> {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'))
  return Promise.all(files.sort().map((file) => import(`./${file}`) as Promise<Bench>))
}

function choose(benches: readonly Bench[], names: readonly string[]): readonly Bench[] {
  for (const name of names)
    if (!benches.some((bench) => bench.name === name)) {
      const known = benches.map((bench) => bench.name).join(', ')
      throw new Error(`Expected a measurement, got ${JSON.stringify(name)}. There are: ${known}.`)
    }
  return names.length === 0 ? benches : benches.filter(({ name }) => names.includes(name))
}

function renderTable(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.bench,
    result.what,
    `${format(result.value)} ${result.unit}`,
    formatTarget(result),
    { true: 'met', false: 'missed', null: '' }[String(isMet(result))] as string,
  ])
  const table = [['', 'measured', 'value', 'target', ''], ...rows]
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...table.map((row) => row[i]?.length ?? 0)))
  return table.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n')
}

function formatTarget({ target, unit }: Measurement): string {
  if (target === undefined) return ''
  return 'atMost' in target
    ? `≤ ${format(target.atMost)} ${unit}`
    : `≥ ${format(target.atLeast)} ${unit}`
}

function format(value: number): string {
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 4 }).format(value)
}

// A figure without its machine says nothing.
function describeMachine(): Record<string, unknown> {
  const [cpu] = cpus()
  return {
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    node: process.version,
    kernel: release(),
    cpu: cpu?.model,
    cores: cpus().length,
    // Above a few tenths, somebody else worked too.
    loadBefore: loadavg()[0],
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

function parseOptions(soak: string | undefined): BenchOptions {
  if (soak === undefined) return {}
  const [, number = '', unit = ''] = /^(\d+)([smh])$/.exec(soak) ?? []
  const ms = Number(number) * (UNITS[unit] ?? 0)
  if (ms === 0)
    throw new Error(`Expected --soak to be a time such as 10m, got ${JSON.stringify(soak)}.`)
  return { soakMs: ms }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { soak: { type: 'string' } },
})
const options = parseOptions(values.soak)
const chosen = choose(await loadBenches(), positionals)
const machine = describeMachine()
const results: Result[] = []
for (const { name, run } of chosen) {
  process.stderr.write(`measuring ${name} …\n`)
  for (const measurement of await run(options)) results.push({ bench: name, ...measurement })
}
mkdirSync(RESULTS, { recursive: true })
const time = new Date().toISOString()
const file = join(RESULTS, `${time.replaceAll(':', '-')}.json`)
writeFileSync(file, `${JSON.stringify({ time, machine, results }, null, 2)}\n`)
process.stdout.write(`${renderTable(results)}\n`)
process.stderr.write(`written to ${file}\n`)
