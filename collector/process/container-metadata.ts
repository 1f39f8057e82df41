import { BoundedMap } from './bounded-map.ts'
import type { CgroupNames } from './cgroup-path.ts'
import type { ContainerNames, FoundNames } from './container-names.ts'
import { checkNames } from './container-names.ts'
import { CONTAINERD_STATES, readContainerd } from './containerd-metadata.ts'
import { dockerRoots, readDocker } from './docker-metadata.ts'
import type { HostFiles, Reachability } from './host-files.ts'
import { KubeletLogs, POD_LOGS } from './kubelet-logs.ts'
import { readStorage, STORAGE_ROOTS } from './storage-metadata.ts'

// Names without asking an API: what container runtimes and the kubelet wrote on this host. Their files
// hold environments, too; only the keys read here are kept.

type Source = {
  readonly name: string
  /** Directories that are there where it runs. */
  readonly directories: (files: HostFiles) => readonly string[]
  readonly read: (files: HostFiles, containerId: string) => FoundNames[]
}

const SOURCES: readonly Source[] = [
  { name: 'containerd', directories: () => CONTAINERD_STATES, read: readContainerd },
  { name: 'CRI-O, Podman', directories: () => STORAGE_ROOTS, read: readStorage },
  { name: 'Docker', directories: dockerRoots, read: readDocker },
]

// A host has some hundred containers at a time.
const MAX_CONTAINERS = 1_024
// What could not be found is looked for again, at most so often: in windows of 10 s, each minute.
const RETRY_WINDOWS = 6

export class ContainerMetadata {
  readonly #files: HostFiles
  readonly #logs: KubeletLogs
  readonly #known = new BoundedMap<string, { names: ContainerNames | null; readIn: number }>(
    MAX_CONTAINERS,
  )
  #window = 0

  constructor(files: HostFiles) {
    this.#files = files
    this.#logs = new KubeletLogs(files)
  }

  get size(): number {
    return this.#known.size
  }

  /** To be called before each window. */
  refresh(): void {
    this.#window++
    this.#logs.refresh()
  }

  /** Null for a cgroup of no container, and when nothing known here wrote about it. */
  names({ containerId, podUid }: CgroupNames): ContainerNames | null {
    const key = containerId ?? podUid
    if (key === null) return null
    const known = this.#known.get(key)
    if (known && (known.names || this.#window - known.readIn < RETRY_WINDOWS)) return known.names
    const names = this.#read(containerId, podUid)
    this.#known.set(key, { names, readIn: this.#window })
    return names
  }

  /** Whose metadata can be read, for the report of what this host can do. */
  reach(): { readonly name: string; readonly directory: string; readonly reach: Reachability }[] {
    const places = [
      ...SOURCES.map(({ name, directories }) => ({ name, directories: directories(this.#files) })),
      { name: 'kubelet', directories: [POD_LOGS] },
    ]
    return places.flatMap(({ name, directories }) =>
      directories
        .map((directory) => ({ name, directory, reach: this.#files.reach(directory) }))
        .filter(({ reach }) => reach !== 'absent'),
    )
  }

  #read(containerId: string | null, podUid: string | null): ContainerNames | null {
    const found: FoundNames[] = []
    if (containerId !== null) {
      for (const { read } of SOURCES) {
        found.push(...read(this.#files, containerId))
        if (found.length > 0) break
      }
      const logged = this.#logs.container(containerId)
      if (logged) found.push(logged)
    }
    const pod = podUid === null ? null : this.#logs.pod(podUid)
    if (pod) found.push(pod)
    return checkNames(found)
  }
}
