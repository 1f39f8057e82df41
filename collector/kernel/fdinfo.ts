import { readFileSync } from 'node:fs'

/** What the kernel says of a descriptor of this process: `run_cnt`, `memlock`, …. */
export function readFdinfo(fd: number): ReadonlyMap<string, number> {
  return parseFdinfo(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
}

export function parseFdinfo(text: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>()
  for (const [, name = '', value] of text.matchAll(/^(\w+):\s*(\d+)$/gm))
    fields.set(name, Number(value))
  return fields
}
