import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { ControlGroup } from './control-group.ts'
import {
  FREQUENCY_HZ,
  MEASURED_MS,
  mapBytesOf,
  type ProfilerResult,
  peakBytesOf,
  programCostOf,
  StackShares,
  startIn,
  stop,
} from './profiler.ts'

const PROGRAM = `profile:hz:${FREQUENCY_HZ} /pid/ { @[kstack(perf), ustack(perf)] = count(); } interval:s:10 { print(@); clear(@); }`
const WARM_UP_MS = 10_000
const LONGEST_END_MS = 20_000

/** bpftrace as people type it: stacks counted in the kernel, printed with names every 10 s. */
export async function measureBpftrace(): Promise<ProfilerResult> {
  const group = new ControlGroup()
  const tracer = startIn(group, ['bpftrace', '-e', PROGRAM], { stdout: 'pipe' })
  const pid = tracer.pid as number
  try {
    const reading = readStacks(tracer.stdout as NodeJS.ReadableStream)
    await setTimeout(WARM_UP_MS)
    const cpu = group.cpuSeconds()
    const cost = programCostOf(pid)
    await setTimeout(MEASURED_MS)
    const after = programCostOf(pid)
    const cpuSeconds = group.cpuSeconds() - cpu
    const peakBytes = peakBytesOf(pid)
    const mapBytes = mapBytesOf(pid)
    // It names what it has left before it ends, on a busy machine for minutes: what was printed by then counts.
    const limit = globalThis.setTimeout(() => tracer.kill('SIGKILL'), LONGEST_END_MS)
    await stop(tracer, 'SIGINT')
    clearTimeout(limit)
    const shares = await reading
    const runs = after.runs - cost.runs
    return {
      name: 'bpftrace',
      cpuSecondsPer10s: (cpuSeconds * 10_000) / MEASURED_MS,
      readingSecondsPer10s: null,
      peakBytes,
      mapBytes,
      kernelNsPerSample: runs === 0 ? null : (after.runNs - cost.runNs) / runs,
      samples: shares.samples,
      wholeShare: shares.wholeShare,
      namedShare: shares.namedShare,
      // It does not say how many it took.
      unaccounted: null,
    }
  } finally {
    await stop(tracer, 'SIGKILL')
    group.close()
  }
}

/** "@[", a line a frame ("\tffff name+12 (module)"), kernel first, each leaf first, "]: COUNT". */
async function readStacks(output: NodeJS.ReadableStream): Promise<StackShares> {
  const shares = new StackShares()
  let names: string[] = []
  for await (const line of createInterface({ input: output })) {
    if (line.startsWith('@[')) names = []
    const [, name] = /^\s+[0-9a-f]+ (.*?)(\+\d+)?( \(.*\))?$/.exec(line) ?? []
    if (name !== undefined) names.push(/^(\[unknown\]|0x[0-9a-f]+)$/.test(name) ? '' : name)
    const [, count] = /^\]: (\d+)$/.exec(line) ?? []
    if (count !== undefined) shares.add(names, Number(count))
  }
  return shares
}
