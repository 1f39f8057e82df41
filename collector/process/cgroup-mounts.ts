import { readFileSync, statSync } from 'node:fs'
import { readLink } from './proc-file.ts'

// Where the cgroup hierarchies of the host are mounted. A host has one of v2, several of v1 (one per
// controller), or both.

export type CgroupMount = {
  /** 0 is v2's; of v1's the number the kernel gave them, as /proc/PID/cgroup begins its lines. */
  readonly hierarchy: number
  readonly directory: string
}

/** What the kernel shows to a process about cgroups. */
export type CgroupView = {
  /** Text of /proc/PID/mountinfo. */
  readonly mountinfo: string
  /** Text of /proc/PID/cgroup. */
  readonly cgroup: string
  /** How its paths are reached from here: '' or /proc/PID/root. */
  readonly root: string
}

// A cgroup namespace shows its own part of the tree as if it were all; the true root has this inode.
const ROOT_INODE = 1n

/** One mount per hierarchy, the one that shows all of it where there is such a one. */
export function findCgroupMounts(
  views: readonly CgroupView[] = hostViews(),
  inodeOf = readInode,
): CgroupMount[] {
  const found = new Map<number, CgroupMount & { readonly isWhole: boolean }>()
  for (const view of views)
    for (const { hierarchy, path } of parseMounts(view)) {
      const directory = view.root + path
      const isWhole = inodeOf(directory) === ROOT_INODE
      const known = found.get(hierarchy)
      if (!known || (isWhole && !known.isWhole))
        found.set(hierarchy, { hierarchy, directory, isWhole })
    }
  return [...found.values()].map(({ hierarchy, directory }) => ({ hierarchy, directory }))
}

function parseMounts({ mountinfo, cgroup }: CgroupView): { hierarchy: number; path: string }[] {
  const hierarchies = new Map<string, number>()
  for (const line of cgroup.split('\n')) {
    const [, number, controllers = ''] = /^(\d+):([^:]+):/.exec(line) ?? []
    for (const controller of controllers.split(',')) hierarchies.set(controller, Number(number))
  }
  const mounts: { hierarchy: number; path: string }[] = []
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root, path] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    // Only whole trees: a bind mount of a part has another root than '/'.
    if (root !== '/' || path === undefined) continue
    if (type === 'cgroup2') mounts.push({ hierarchy: 0, path: readOctal(path) })
    if (type !== 'cgroup') continue
    const hierarchy = options
      .split(',')
      .map((option) => hierarchies.get(option))
      .find(Boolean)
    if (hierarchy !== undefined) mounts.push({ hierarchy, path: readOctal(path) })
  }
  return mounts
}

// mountinfo writes space, tab, newline and backslash as three octal digits.
function readOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}

/** Ours, and that of the first process where it has another: readable with CAP_SYS_PTRACE. */
function hostViews(): CgroupView[] {
  const first = readLink('/proc/1/ns/mnt')
  const views = [readView('/proc/self', '')]
  if (first !== null && first !== readLink('/proc/self/ns/mnt'))
    views.push(readView('/proc/1', '/proc/1/root'))
  return views
}

function readView(process: string, root: string): CgroupView {
  const read = (name: string) => readFileSync(`${process}/${name}`, 'utf8')
  try {
    return { mountinfo: read('mountinfo'), cgroup: read('cgroup'), root }
  } catch {
    return { mountinfo: '', cgroup: '', root }
  }
}

function readInode(path: string): bigint | null {
  try {
    return statSync(path, { bigint: true }).ino
  } catch {
    return null
  }
}
