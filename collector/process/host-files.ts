import fs from 'node:fs'
import { openRegular } from './mapped-file.ts'
import { readLink, resolveInRoot } from './proc-file.ts'

// Files of the host by their paths there. A collector in a container has a file system of its own: what
// is mounted into it comes first, then the view of the host's first process.

export type Reachability = 'readable' | 'unreadable' | 'absent'

export interface HostFiles {
  /** Null when there is no such regular file, it cannot be read or has more than `maxBytes`. */
  read(path: string, maxBytes: number): Buffer | null
  /** Names in a directory, at most `limit`, none when it cannot be read. */
  list(path: string, limit: number): string[]
  /** An open descriptor, which the caller closes; null as in read(). */
  open(path: string): { readonly fd: number; readonly sizeBytes: number } | null
  /** Whether the names in a directory can be read. */
  reach(directory: string): Reachability
}

/** `mounted` is where the file system of the host is mounted here; undefined to look for it. */
export function hostFiles(mounted?: string): HostFiles {
  const roots = mounted === undefined ? findRoots() : [mounted.replace(/\/+$/, '')]

  function* placesOf(path: string): Generator<string> {
    for (const root of roots) {
      // Links that lead out of a root are meant inside it.
      const place = root === '' ? path : resolveInRoot(root, path)
      if (place !== null) yield place
    }
  }

  function open(path: string) {
    for (const place of placesOf(path)) {
      const file = openRegular(place)
      if (file.kind === 'file') return file
    }
    return null
  }

  return {
    open,
    read(path, maxBytes) {
      const file = open(path)
      if (file === null) return null
      try {
        if (file.sizeBytes > maxBytes) return null
        return fs.readFileSync(file.fd)
      } catch {
        return null
      } finally {
        fs.closeSync(file.fd)
      }
    },
    list(path, limit) {
      for (const place of placesOf(path)) {
        const names = listDirectory(place, limit)
        if (names !== null) return names
      }
      return []
    },
    reach(directory) {
      let best: Reachability = 'absent'
      for (const place of placesOf(directory)) {
        try {
          fs.accessSync(place, fs.constants.R_OK | fs.constants.X_OK)
          return 'readable'
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EACCES') best = 'unreadable'
        }
      }
      return best
    },
  }
}

function listDirectory(path: string, limit: number): string[] | null {
  try {
    const directory = fs.opendirSync(path)
    try {
      const names: string[] = []
      for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
        if (names.length >= limit) break
        names.push(entry.name)
      }
      return names
    } finally {
      directory.closeSync()
    }
  } catch {
    return null
  }
}

/** Ours, and that of the first process where it has another: readable with CAP_SYS_PTRACE. */
function findRoots(): string[] {
  const first = readLink('/proc/1/ns/mnt')
  return first === null || first === readLink('/proc/self/ns/mnt') ? [''] : ['', '/proc/1/root']
}
