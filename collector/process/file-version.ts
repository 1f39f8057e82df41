import { createHash } from 'node:crypto'
import type { ByteSource } from '../symbolize/byte-source.ts'
import { readExactly } from '../symbolize/byte-source.ts'
import { hashContent, readElf } from '../symbolize/elf.ts'

// The version of a file without asking anyone: it changes when the content does.

const DIGITS = 12 // enough to tell deploys apart, short enough to read

// At most this much of a script or archive is read, from both ends. The end of a jar or zip is its
// directory, which holds a checksum of every entry.
const HEAD_BYTES = 64 * 1024
const TAIL_BYTES = 960 * 1024

/** The GNU build id, which linkers derive from the content, else a hash of both ends. */
export function executableVersion(source: ByteSource): string {
  const elf = readElf(source)
  const buildId = elf.kind === 'elf' ? elf.buildId : ''
  return shortVersion(buildId || hashContent(source))
}

/** Of a build id or another hash in hex. */
export function shortVersion(hash: string): string {
  return hash.slice(0, DIGITS)
}

export function scriptVersion(source: ByteSource): string {
  const { sizeBytes } = source
  const hash = createHash('sha256').update(`${sizeBytes}\0`)
  if (sizeBytes <= HEAD_BYTES + TAIL_BYTES) {
    hash.update(readExactly(source, 0, sizeBytes) ?? '')
  } else {
    hash.update(readExactly(source, 0, HEAD_BYTES) ?? '')
    hash.update(readExactly(source, sizeBytes - TAIL_BYTES, TAIL_BYTES) ?? '')
  }
  return hash.digest('hex').slice(0, DIGITS)
}
