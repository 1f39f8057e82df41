import type { FoundNames } from './container-names.ts'
import type { HostFiles } from './host-files.ts'

// Names the kubelet gives to the logs of containers, whatever runtime it uses; they are there when
// nothing of the runtime can be read.
//
//   /var/log/containers/<pod>_<namespace>_<container>-<container id>.log
//   /var/log/pods/<namespace>_<pod>_<pod uid>/<container>/0.log

export const POD_LOGS = '/var/log/pods'
const CONTAINER_LOGS = '/var/log/containers'
const POD_LOG = /^(?<namespace>[^_]+)_(?<pod>[^_]+)_(?<key>[0-9a-f-]{32,36})$/
const CONTAINER_LOG = /^(?<pod>[^_]+)_(?<namespace>[^_]+)_(?<name>[^_]+)-(?<key>[0-9a-f]{64})\.log$/
// A kubelet runs 110 pods unless told otherwise; logs of ended containers stay for a while.
const MOST_NAMES = 20_000

type Index = ReadonlyMap<string, FoundNames>

/** Both directories are read once per window, and only when asked for. */
export class KubeletLogs {
  readonly #files: HostFiles
  #containers: Index | null = null
  #pods: Index | null = null

  constructor(files: HostFiles) {
    this.#files = files
  }

  /** A new window. */
  refresh(): void {
    this.#containers = null
    this.#pods = null
  }

  container(id: string): FoundNames | null {
    this.#containers ??= this.#index(CONTAINER_LOGS, CONTAINER_LOG)
    return this.#containers.get(id) ?? null
  }

  pod(uid: string): FoundNames | null {
    this.#pods ??= this.#index(POD_LOGS, POD_LOG)
    return this.#pods.get(uid) ?? null
  }

  #index(directory: string, pattern: RegExp): Index {
    const index = new Map<string, FoundNames>()
    for (const file of this.#files.list(directory, MOST_NAMES)) {
      const { key, ...names } = pattern.exec(file)?.groups ?? {}
      if (key !== undefined) index.set(key, names)
    }
    return index
  }
}
