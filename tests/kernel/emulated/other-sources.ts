// Part of guest.ts: waits and hooks, with every object that can.
import { spawn } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { openSampler } from '../../../collector/kernel/sampler.ts'
import { hookSource } from '../../../collector/kernel/sources/hook.ts'
import { parseHook } from '../../../collector/kernel/sources/hook-name.ts'
import { OFF_CPU } from '../../../collector/kernel/sources/off-cpu.ts'
import { type SourceWindow, STACK_ABSENT } from '../../../collector/window.ts'
import { silentLog } from '../../../infra/runtime/log.ts'
import { countOf, unaccountedOf } from '../windows.ts'

const HOOKS = [
  'kprobe:vfs_read',
  'tracepoint:sched:sched_process_fork',
  'uprobe:/bin/node:uv__io_poll',
]
const ENOUGH = 5
const MOST_WINDOWS = 60

/** Drains until each source has been met often enough by a shell that starts programs which sleep. */
export async function expectOtherSources(print: (line: string) => void): Promise<void> {
  const child = spawn('/bin/busybox', ['sh', '-c', 'while :; do busybox sleep 0.05; done'])
  for (const options of [{}, { unwind: 'tables' }, { forceNoBtf: true }] as const) {
    const hooks = HOOKS.map((text, index) => {
      const hook = parseHook(text)
      if (!hook) throw new Error(`${text} is no hook`)
      return hookSource(hook, index)
    })
    const sources = 'forceNoBtf' in options ? hooks : [OFF_CPU, ...hooks]
    const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), sources, ...options })
    const met = new Map<string, number>()
    for (let i = 0; i < MOST_WINDOWS; i++) {
      await setTimeout(200)
      for (const rows of (await sampler.drain()).beside ?? []) addRows(met, rows)
      if (met.size === sources.length && Math.min(...met.values()) >= ENOUGH) break
    }
    await sampler.close()
    const counts = JSON.stringify(Object.fromEntries(met))
    if (met.size < sources.length || Math.min(...met.values()) < ENOUGH)
      throw new Error(`sources ${JSON.stringify(options)}: ${counts}`)
    print(`sources ${JSON.stringify(options)}: ${counts}`)
  }
  child.kill()
}

function addRows(met: Map<string, number>, rows: SourceWindow): void {
  if (unaccountedOf(rows) !== 0)
    throw new Error(`${rows.kind.sample.type}: unaccounted ${unaccountedOf(rows)}`)
  const lost = rows.kernelStack.filter((stack) => stack < STACK_ABSENT).length
  if (lost > 0) throw new Error(`${rows.kind.sample.type}: ${lost} kernel stacks were lost`)
  const type = rows.kind.sample.type
  met.set(type, (met.get(type) ?? 0) + countOf(rows))
}
