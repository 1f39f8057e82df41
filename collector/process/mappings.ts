import { readProcFile } from './proc-file.ts'

// The executable mappings of a process, from /proc/PID/maps. Addresses are plain numbers: user
// space ends below 2^53 on x86-64 (2^47, 2^56 only when asked for) and arm64 (2^52).

type MappingKind =
  /** Backed by a file that could be an ELF image. */
  | 'file'
  | 'vdso'
  /** No file, or one without a place in the file system (memfd, shared memory): a JIT's code. */
  | 'anonymous'

export type Mapping = {
  readonly kind: MappingKind
  readonly start: number
  readonly end: number
  /** Of `start` within the file. */
  readonly offset: number
  /** As the process sees it, without " (deleted)"; `[vdso]`, `[anon:…]` or '' where there is none. */
  readonly path: string
  readonly deleted: boolean
  /** As stat's st_dev; 0, as the inode, where the kernel told the build id instead. */
  readonly device: bigint
  readonly inode: bigint
  /** GNU build id in hex, where the file is known by it. */
  readonly buildId?: string
  /** A process that probably still lives and sees the same files, where the mapping's own may have ended. */
  readonly seenBy?: number
}

// 65,530 mappings (vm.max_map_count) of usual length are 7 MB; paths of 4 KiB in every line would
// be 270 MB, which only somebody who wants to hurt writes.
const MAX_MAPS_BYTES = 16 << 20
// The end of the lower half on x86-64; [vsyscall] lies above it.
const USER_END = 0x0100_0000_0000_0000

export class Mappings {
  readonly list: readonly Mapping[]
  /** More was mapped than MAX_MAPS_BYTES describes. */
  readonly truncated: boolean
  readonly #starts: Float64Array

  constructor(list: readonly Mapping[], truncated = false) {
    this.list = list
    this.truncated = truncated
    this.#starts = Float64Array.from(list, (mapping) => mapping.start)
  }

  /** The executable mapping that covers `address`. */
  find(address: number | bigint): Mapping | null {
    const wanted = Number(address)
    const starts = this.#starts
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] as number) <= wanted) low = middle + 1
      else high = middle
    }
    const mapping = this.list[low - 1]
    return mapping !== undefined && wanted < mapping.end ? mapping : null
  }
}

/** Null when the process is gone, may not be read, or has no user space (a kernel thread). */
export function readMappings(pid: number): Mappings | null {
  const bytes = readProcFile(`/proc/${pid}/maps`, MAX_MAPS_BYTES)
  if (bytes === null || bytes.length === 0) return null
  return parseMappings(bytes)
}

/** Parses the text of a maps file; lines that are not understood are left out. */
export function parseMappings(bytes: Buffer): Mappings {
  const list: Mapping[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf(0x0a, at)
    if (end < 0) break
    const mapping = isExecutable(bytes, at, end) ? parseLine(bytes.toString('utf8', at, end)) : null
    if (mapping !== null) list.push(mapping)
    at = end + 1
  }
  // The kernel writes them in order; find() depends on it, so it is not left to trust.
  list.sort((a, b) => a.start - b.start)
  return new Mappings(list, bytes.length >= MAX_MAPS_BYTES)
}

// "7f12-7f34 r-xp …": four letters after the first space. Most lines are not executable, so they
// are sorted out before a string is made of them.
function isExecutable(bytes: Buffer, from: number, to: number): boolean {
  const space = bytes.indexOf(0x20, from)
  return space > 0 && space + 3 < to && bytes[space + 3] === 0x78
}

const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ...[ps] ([0-9a-f]{1,16}) ([0-9a-f]+):([0-9a-f]+) (\d{1,20}) *(.*)$/s
const DELETED = ' (deleted)'

function parseLine(line: string): Mapping | null {
  const match = LINE.exec(line)
  if (match === null) return null
  const [, startHex, endHex, offsetHex, majorHex, minorHex, inodeText, name] =
    match as unknown as string[] as [string, string, string, string, string, string, string, string]
  const start = Number.parseInt(startHex, 16)
  const end = Number.parseInt(endHex, 16)
  if (!(start < end) || end > USER_END) return null
  return makeMapping({
    start,
    end,
    offset: Number.parseInt(offsetHex, 16),
    name,
    major: Number.parseInt(majorHex, 16),
    minor: Number.parseInt(minorHex, 16),
    inode: BigInt(inodeText),
  })
}

/** What the kernel says of a mapping, in /proc or in a record of perf's. */
export type MappingFacts = {
  readonly start: number
  readonly end: number
  readonly offset: number
  /** The path, with " (deleted)" where it is. */
  readonly name: string
} & (
  | { readonly major: number; readonly minor: number; readonly inode: bigint }
  | { readonly buildId: string }
)

export function makeMapping({ start, end, offset, name, ...file }: MappingFacts): Mapping {
  const deleted = name.endsWith(DELETED)
  const path = deleted ? name.slice(0, -DELETED.length) : name
  if ('buildId' in file)
    return {
      ...{ kind: kindOf(path, true), start, end, offset, path, deleted },
      ...{ device: 0n, inode: 0n, buildId: file.buildId },
    }
  const { major, minor, inode } = file
  return {
    ...{ kind: kindOf(path, inode !== 0n), start, end, offset, path, deleted },
    ...{ device: makeDevice(major, minor), inode },
  }
}

function kindOf(path: string, hasFile: boolean): MappingKind {
  if (path === '[vdso]') return 'vdso'
  if (!hasFile || /^(\/memfd:|\/dev\/(zero|shm\/)|\/SYSV|anon_inode:)/.test(path))
    return 'anonymous'
  return 'file'
}

// glibc's makedev(3): the encoding of st_dev.
function makeDevice(major: number, minor: number): bigint {
  const [a, i] = [BigInt(major), BigInt(minor)]
  return ((a & 0xfffn) << 8n) | ((a & ~0xfffn) << 32n) | (i & 0xffn) | ((i & ~0xffn) << 12n)
}
