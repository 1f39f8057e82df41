import fs from 'node:fs'
import { readMappings } from '../process/mappings.ts'

const MAX_VDSO_BYTES = 1 << 20

/** The image of the vdso, which is the same in every 64-bit process; null where there is none. */
export function readVdso(): Buffer | null {
  const mapping = readMappings(process.pid)?.list.find(({ kind }) => kind === 'vdso')
  if (mapping === undefined || mapping.end - mapping.start > MAX_VDSO_BYTES) return null
  try {
    return readMemory(mapping.start, mapping.end - mapping.start)
  } catch {
    // /proc/self/mem may be closed to a process that gave up its rights.
    return null
  }
}

function readMemory(address: number, length: number): Buffer | null {
  const fd = fs.openSync('/proc/self/mem', 'r')
  try {
    const bytes = Buffer.alloc(length)
    return fs.readSync(fd, bytes, 0, length, address) === length ? bytes : null
  } finally {
    fs.closeSync(fd)
  }
}
