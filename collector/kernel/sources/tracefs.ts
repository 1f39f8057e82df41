import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { closeFd, mountDetached } from '../libc.ts'

const MOUNTS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']

/** Uses tracefs where it is mounted, else mounts it for the time of the call; null where neither goes. */
export function withTracefs<T>(use: (directory: string) => T): T | null {
  const mounted = MOUNTS.find((directory) => existsSync(`${directory}/events`))
  if (mounted !== undefined) return use(mounted)
  const root = mountDetached('tracefs')
  if (root < 0) return null
  try {
    return use(`/proc/self/fd/${root}`)
  } finally {
    closeFd(root)
  }
}

/** The number of a tracepoint; null when there is none of that name. */
export function readTracepointId(tracefs: string, category: string, name: string): number | null {
  try {
    return Number(readFileSync(`${tracefs}/events/${category}/${name}/id`, 'latin1'))
  } catch {
    return null
  }
}

/** All tracepoints, as `CATEGORY:NAME`. */
export function* listTracepoints(tracefs: string): Generator<string> {
  for (const category of directoriesIn(`${tracefs}/events`))
    for (const name of directoriesIn(`${tracefs}/events/${category}`)) yield `${category}:${name}`
}

function directoriesIn(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}
