import { readdirSync } from 'node:fs'
import { readProcFile } from './proc-file.ts'

// The rest of a host's processes sleeps: what they have mapped is looked at when they are sampled.
const SHARE = 0.99
const MOST = 128

/** The processes that used nearly all CPU time of those that live, the busiest first. */
export function findBusiest(proc = '/proc'): number[] {
  const times = readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), ticks: readTicks(`${proc}/${name}/stat`) }))
    .sort((a, b) => b.ticks - a.ticks)
  let left = SHARE * times.reduce((sum, { ticks }) => sum + ticks, 0)
  const busiest: number[] = []
  for (const { pid, ticks } of times) {
    if (left <= 0 || ticks === 0 || busiest.length === MOST) break
    busiest.push(pid)
    left -= ticks
  }
  return busiest
}

/** utime + stime, fields 14 and 15 of proc(5); 0 for a process that has ended or has no memory (26). */
function readTicks(path: string): number {
  const stat = readProcFile(path, 4096)?.toString('latin1') ?? ''
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if ((fields[23] ?? '0') === '0') return 0
  return Number(fields[11]) + Number(fields[12])
}
