import { readdirSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import type { CgroupMount } from './cgroup-mounts.ts'

// Far above any real host (a kubelet's limit is 110 pods); a walk of so many takes about half a second.
const MAX_DIRECTORIES = 50_000
// Above this bit of an id the program in the kernel puts the number of a v1 hierarchy; 0 for v2. The
// kernel counts the ids of a hierarchy from 1: bpf/cgroup.bpf.h.
const HIERARCHY_SHIFT = 48n

type Paths = ReadonlyMap<bigint, string>

/**
 * Cgroup ids to paths. The id of a cgroup is the inode of its directory in its hierarchy's mount, so a
 * path is found also when every process in it has died. Walks only for an id it does not know.
 */
export class CgroupTree {
  readonly #hierarchies: ReadonlyMap<bigint, Hierarchy>

  constructor(mounts: readonly CgroupMount[]) {
    this.#hierarchies = new Map(
      mounts.map(({ hierarchy, directory }) => [BigInt(hierarchy), new Hierarchy(directory)]),
    )
  }

  /** Path below the mount, starting with `/`; null for an id that is not (or no longer) there. */
  pathOf(id: bigint): string | null {
    const hierarchy = this.#hierarchies.get(id >> HIERARCHY_SHIFT)
    return hierarchy?.pathOf(BigInt.asUintN(Number(HIERARCHY_SHIFT), id)) ?? null
  }

  /** A new window: an unknown id may be looked for once more. */
  refresh(): void {
    for (const hierarchy of this.#hierarchies.values()) hierarchy.refresh()
  }
}

class Hierarchy {
  readonly #mount: string
  #paths: Paths = new Map()
  // Of the walk before: names of cgroups removed since, for samples taken while they lived.
  #previous: Paths = new Map()
  #walked = false

  constructor(mount: string) {
    this.#mount = mount
  }

  pathOf(inode: bigint): string | null {
    const known = this.#paths.get(inode) ?? this.#previous.get(inode)
    if (known !== undefined || this.#walked) return known ?? null
    this.#previous = this.#paths
    this.#paths = walk(this.#mount)
    this.#walked = true
    return this.#paths.get(inode) ?? null
  }

  refresh(): void {
    this.#walked = false
  }
}

function walk(mount: string): Paths {
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
