import { closeSync, constants, openSync, readlinkSync, readSync } from 'node:fs'
import { posix } from 'node:path'

// Reading what belongs to another process. It may die between two reads (null, never an error), and
// it may have planted links where we look as root.

/** The first `maxBytes` of a file of /proc (whose size is not known before); null when unreadable. */
export function readProcFile(path: string, maxBytes: number): Buffer | null {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY)
  } catch {
    return null
  }
  try {
    return readAll(fd, maxBytes)
  } catch {
    return null // ESRCH: it died meanwhile.
  } finally {
    closeSync(fd)
  }
}

function readAll(fd: number, maxBytes: number): Buffer {
  let buffer = Buffer.allocUnsafe(Math.min(4096, maxBytes))
  let length = 0
  for (;;) {
    const n = readSync(fd, buffer, length, buffer.length - length, null)
    length += n
    if (n === 0 || length >= maxBytes) return buffer.subarray(0, length)
    if (length === buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(buffer.length * 4, maxBytes))
      buffer.copy(grown, 0, 0, length)
      buffer = grown
    }
  }
}

export function readLink(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

const MAX_LINKS = 40 // as the kernel's

/**
 * Where `path`, as a process with the root directory `root` sees it, is for us. Every link is followed
 * here and inside `root`: the kernel would resolve absolute ones against our root. Null when there
 * are too many. `path` is absolute.
 */
export function resolveInRoot(root: string, path: string): string | null {
  const pending = path.split('/').reverse()
  let resolved = '/'
  let links = 0
  while (pending.length > 0) {
    const part = pending.pop() as string
    if (part === '' || part === '.') continue
    // At the root `..` stays there.
    const next = posix.join(resolved, part)
    const target = part === '..' ? null : readLink(root + next)
    if (target === null) {
      resolved = next
      continue
    }
    if (++links > MAX_LINKS) return null
    if (target.startsWith('/')) resolved = '/'
    pending.push(...target.split('/').reverse())
  }
  return root + resolved
}
