import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { measureBpftrace } from './bpftrace-profiler.ts'
import { measureFlamewatch } from './flamewatch-profiler.ts'
import { startLoad } from './load.ts'
import type { BenchOptions, Measurement } from './measurement.ts'
import { measurePerf } from './perf-profiler.ts'
import { hasCommand, type ProfilerResult, toMeasurements } from './profiler.ts'
import { soak } from './soak.ts'

export const name = 'collector'

const BPF_STATISTICS = '/proc/sys/kernel/bpf_stats_enabled'
// Interpreters start, and map what they need.
const START_MS = 5_000

type Peer = { readonly command: string; readonly measure: () => Promise<ProfilerResult> }

const PEERS: readonly Peer[] = [
  { command: 'perf', measure: () => measurePerf('fp') },
  { command: 'perf', measure: () => measurePerf('dwarf') },
  { command: 'bpftrace', measure: measureBpftrace },
]

/**
 * What `flamewatch collect` costs and gives at 99 Hz beside 50 busy processes, then what its peers do on the
 * same load, one after another. With `--soak` how it stands programs that come and go for so long.
 */
export async function run({ soakMs }: BenchOptions): Promise<readonly Measurement[]> {
  if (soakMs !== undefined) return soak(soakMs)
  const statistics = readFileSync(BPF_STATISTICS, 'utf8')
  writeFileSync(BPF_STATISTICS, '1')
  const load = startLoad()
  const results: Measurement[] = []
  try {
    await setTimeout(START_MS)
    results.push(...toMeasurements(await measureFlamewatch()))
    for (const { command, measure } of PEERS) {
      if (!hasCommand(command)) {
        process.stderr.write(`  without ${command}: it is not installed\n`)
        continue
      }
      const result = await measure()
      if (result.note) process.stderr.write(`  ${result.name}: ${result.note}\n`)
      results.push(...toMeasurements(result))
    }
    return results
  } finally {
    writeFileSync(BPF_STATISTICS, statistics)
    await load.stop()
  }
}
