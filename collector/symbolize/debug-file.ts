import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { openRegular } from '../process/mapped-file.ts'
import { resolveInRoot } from '../process/proc-file.ts'
import { type ByteSource, FileSource, readExactly } from './byte-source.ts'
import { type Elf, readElf, SHT_NOBITS, SHT_SYMTAB } from './elf.ts'

// Distributions put the symbol tables they strip into separate files. They are found by build id or
// by the name in .gnu_debuglink, in the process's own root and in ours.
// https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html

export type DebugFile = {
  readonly path: string
  readonly identity: string
  readonly elf: Elf
}

// Files without a build id are compared by the checksum of all their bytes.
const MAX_CHECKED_BYTES = 256 << 20
const PIECE_BYTES = 1 << 20
const DEBUG_INFO = /^\.z?debug_info$/

export function hasSymbols(elf: Elf): boolean {
  return elf.sections.some(({ type }) => type === SHT_SYMTAB)
}

/** Whether a file says which lines its code was made from. */
export function hasDebugInfo(elf: Elf): boolean {
  return elf.sections.some(({ name, type }) => DEBUG_INFO.test(name) && type !== SHT_NOBITS)
}

/**
 * The debug file of an image that lacks a symbol table or debug information of its own; null when there
 * is none.
 */
export function findDebugFile(
  image: { readonly source: ByteSource; readonly elf: Elf; readonly path: string },
  roots: readonly string[],
): DebugFile | null {
  const { source, elf } = image
  if (hasSymbols(elf) && hasDebugInfo(elf)) return null
  const link = readDebugLink(source, elf)
  for (const root of roots)
    for (const candidate of candidatesFor(image.path, elf.buildId, link?.name)) {
      const file = tryDebugFile(root, candidate, elf.buildId, link?.crc)
      if (file !== null) return file
    }
  return null
}

/** Opens it again for the names; the caller closes. Null when it has changed or gone. */
export function reopenDebugFile(file: DebugFile): { fd: number; source: ByteSource } | null {
  const opened = openRegular(file.path)
  if (opened.kind === 'fault') return null
  if (opened.identity === file.identity)
    return { fd: opened.fd, source: new FileSource(opened.fd, opened.sizeBytes) }
  fs.closeSync(opened.fd)
  return null
}

const DEBUG_ROOT = '/usr/lib/debug'

function candidatesFor(file: string, buildId: string, link: string | undefined): string[] {
  const places: string[] = []
  if (buildId.length > 2)
    places.push(`${DEBUG_ROOT}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`)
  if (link === undefined || !file.startsWith('/')) return places
  const directory = path.posix.dirname(file)
  for (const place of [directory, `${directory}/.debug`, `${DEBUG_ROOT}${directory}`])
    places.push(`${place}/${link}`)
  return places
}

function tryDebugFile(
  root: string,
  candidate: string,
  buildId: string,
  crc: number | undefined,
): DebugFile | null {
  const place = resolveInRoot(root, candidate)
  const opened = place === null ? null : openRegular(place)
  if (place === null || opened === null || opened.kind === 'fault') return null
  try {
    const source = new FileSource(opened.fd, opened.sizeBytes)
    const elf = readElf(source)
    if (elf.kind === 'fault') return null
    const same =
      buildId !== '' || elf.buildId !== ''
        ? buildId === elf.buildId
        : crc !== undefined && crc === checksum(source)
    return same ? { path: place, identity: opened.identity, elf } : null
  } finally {
    fs.closeSync(opened.fd)
  }
}

// A name, padded to four bytes, and the CRC-32 of the file.
function readDebugLink(source: ByteSource, elf: Elf): { name: string; crc: number } | null {
  const section = elf.sections.find((s) => s.name === '.gnu_debuglink')
  if (section === undefined || section.sizeBytes > 4096) return null
  const bytes = readExactly(source, section.offset, section.sizeBytes)
  const end = bytes?.indexOf(0) ?? -1
  if (bytes === null || end <= 0 || bytes.length < 8) return null
  const name = bytes.toString('utf8', 0, end)
  // A name, not a path out of the places above.
  return name.includes('/') ? null : { name, crc: bytes.readUInt32LE(bytes.length - 4) }
}

function checksum(source: ByteSource): number | null {
  if (source.sizeBytes > MAX_CHECKED_BYTES) return null
  let crc = 0
  for (let at = 0; at < source.sizeBytes; at += PIECE_BYTES) {
    const piece = readExactly(source, at, Math.min(PIECE_BYTES, source.sizeBytes - at))
    if (piece === null) return null
    crc = crc32(piece, crc)
  }
  return crc
}
