import fs from 'node:fs'
import { FileSource } from '../symbolize/byte-source.ts'
import { readElf } from '../symbolize/elf.ts'
import type { Mapping } from './mappings.ts'

// Opens files that other processes named. A container may plant links, FIFOs and devices where its
// maps file points, so a path is opened without any effect first (O_PATH), and read only when it is
// the very regular file that is mapped: same device and inode, or same build id where the kernel told
// that. How the path led there is then of no interest.

export type OpenFile = {
  readonly kind: 'file'
  readonly fd: number
  readonly sizeBytes: number
  /** Changes whenever the content may have changed. */
  readonly identity: string
  readonly device: bigint
  readonly inode: bigint
  readonly ownerUid: number
  readonly modifiedMs: number
}

type OpenFault = {
  readonly kind: 'fault'
  readonly reason: string
  /** The file or its process is gone or not there yet: another process may still show it. */
  readonly transient: boolean
}

export type OpenResult = OpenFile | OpenFault

// From fcntl.h; node:fs does not name it.
const O_PATH = 0o10000000

/** Opens the file behind `mapping` of process `pid`. The caller closes `fd`. */
export function openMapped(pid: number, mapping: Mapping): OpenResult {
  let fault: OpenFault = { kind: 'fault', reason: 'no place to open it', transient: true }
  for (const path of placesOf(pid, mapping)) {
    const result = openAt(path, mapping)
    if (result.kind === 'file') return result
    // The most telling reason: one that is not "there is no such file".
    if (fault.transient) fault = result
  }
  return fault
}

function openAt(path: string, mapping: Mapping): OpenResult {
  if (mapping.buildId === undefined) return openRegular(path, mapping)
  const result = openRegular(path)
  if (result.kind === 'fault') return result
  const elf = readElf(new FileSource(result.fd, result.sizeBytes))
  if (elf.kind === 'elf' && elf.buildId === mapping.buildId) return result
  fs.closeSync(result.fd)
  return refuse('another file is at that path', true)
}

// map_files first: it is right for deleted, replaced and other namespaces' files, but needs
// CAP_CHECKPOINT_RESTORE and a living process. The last places serve processes that have ended.
function placesOf(pid: number, mapping: Mapping): string[] {
  const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`
  const places = [`/proc/${pid}/map_files/${range}`]
  if (!mapping.deleted && mapping.path.startsWith('/'))
    for (const root of [pid, mapping.seenBy].filter((seer) => seer !== undefined))
      places.push(`/proc/${root}/root${mapping.path}`)
  if (!mapping.deleted && mapping.path.startsWith('/')) places.push(mapping.path)
  return places
}

/** Opens `path` for reading when it is a regular file, and the one of `expected` if that is given. */
export function openRegular(
  path: string,
  expected?: { readonly device: bigint; readonly inode: bigint },
): OpenResult {
  let handle: number
  try {
    handle = fs.openSync(path, O_PATH)
  } catch (error) {
    return refuse(codeOf(error), isGone(error))
  }
  try {
    const stat = fs.fstatSync(handle, { bigint: true })
    if (!stat.isFile()) return refuse('not a regular file')
    if (expected && (stat.dev !== expected.device || stat.ino !== expected.inode))
      return refuse('another file is at that path', true)
    const fd = fs.openSync(
      `/proc/self/fd/${handle}`,
      fs.constants.O_RDONLY | fs.constants.O_NONBLOCK,
    )
    return {
      kind: 'file',
      fd,
      sizeBytes: Number(stat.size),
      identity: `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`,
      device: stat.dev,
      inode: stat.ino,
      ownerUid: Number(stat.uid),
      modifiedMs: Number(stat.mtimeMs),
    }
  } catch (error) {
    return refuse(codeOf(error), isGone(error))
  } finally {
    fs.closeSync(handle)
  }
}

function refuse(reason: string, transient = false): OpenFault {
  return { kind: 'fault', reason, transient }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

function isGone(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ESRCH'
}
