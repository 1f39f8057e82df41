import { readdirSync, statSync } from 'node:fs'
import { posix } from 'node:path'

// Far above any real host (a kubelet's limit is 110 pods); a walk of so many takes about half a second.
const MAX_DIRECTORIES = 50_000

/**
 * Cgroup ids to paths. The id of a cgroup is the inode of its directory in the cgroup2 mount, so a
 * path is found also when every process in it has died. Walks only for an id it does not know.
 */
export class CgroupTree {
  readonly #mount: string | null
  #paths: ReadonlyMap<bigint, string> = new Map()
  // Of the walk before: names of cgroups removed since, for samples taken while they lived.
  #previous: ReadonlyMap<bigint, string> = new Map()
  #walked = false

  /** `mount` is where cgroup2 is mounted; null where there is none. */
  constructor(mount: string | null) {
    this.#mount = mount
  }

  /** Path below the mount, starting with `/`; null for an id that is not (or no longer) there. */
  pathOf(id: bigint): string | null {
    const known = this.#paths.get(id) ?? this.#previous.get(id)
    if (known !== undefined || this.#mount === null || this.#walked) return known ?? null
    this.#previous = this.#paths
    this.#paths = walk(this.#mount)
    this.#walked = true
    return this.#paths.get(id) ?? null
  }

  /** A new window: an unknown id may be looked for once more. */
  refresh(): void {
    this.#walked = false
  }
}

function walk(mount: string): Map<bigint, string> {
  const paths = new Map<bigint, string>()
  const pending = ['/']
  while (pending.length > 0 && paths.size < MAX_DIRECTORIES) {
    const path = pending.pop() as string
    try {
      paths.set(statSync(mount + path, { bigint: true }).ino, path)
      for (const entry of readdirSync(mount + path, { withFileTypes: true }))
        if (entry.isDirectory()) pending.push(posix.join(path, entry.name))
    } catch {
      // Removed while we walk: its processes are gone, and so is its name.
    }
  }
  return paths
}

/** Where cgroup2 is mounted, from the text of /proc/self/mountinfo. */
export function findCgroup2Mount(mountinfo: string): string | null {
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ')
    if (!after?.startsWith('cgroup2 ')) continue
    const fields = before?.split(' ') ?? []
    // Only the whole tree: a bind mount of a part has another root than '/'.
    if (fields[3] === '/' && fields[4]) return fields[4]
  }
  return null
}
