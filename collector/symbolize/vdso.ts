import fs from 'node:fs'
import { readMappings } from '../process/mappings.ts'

const MAX_VDSO_BYTES = 1 << 20

/** The image of the vdso, which is the same in every 64-bit process; null where there is none. */
export function readVdso(): Buffer | null {
  const mapping = readMappings(process.pid)?.list.find(({ kind }) => kind === 'vdso')
  if (mapping === undefined || mapping.end - mapping.start > MAX_VDSO_BYTES) return null
  const fd = fs.openSync('/proc/self/mem', 'r')
  try {
    const image = Buffer.alloc(mapping.end - mapping.start)
    return fs.readSync(fd, image, 0, image.length, mapping.start) === image.length ? image : null
  } catch {
    return null
  } finally {
    fs.closeSync(fd)
  }
}
