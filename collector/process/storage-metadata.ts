import type { FoundNames } from './container-names.ts'
import type { HostFiles } from './host-files.ts'
import type { Json } from './json.ts'
import { isObject, objectAt, parseObject, textAt } from './json.ts'

// What CRI-O and Podman wrote about a container; both keep containers in the same storage
// (https://github.com/containers/storage). CRI-O puts its names into annotations of the runtime's
// configuration (https://github.com/cri-o/cri-o pkg/annotations), Podman into the list of the storage.

export const STORAGE_ROOTS = ['/var/lib/containers/storage', '/run/containers/storage'] as const
const DRIVERS = ['overlay', 'vfs', 'btrfs', 'zfs'] as const
// Those started with --rm are in a list of their own.
const LISTS = ['containers.json', 'volatile-containers.json'] as const
const MAX_CONFIG_BYTES = 1 << 20
const MAX_LIST_BYTES = 4 << 20

export function readStorage(files: HostFiles, id: string): FoundNames[] {
  for (const root of STORAGE_ROOTS)
    for (const driver of DRIVERS) {
      const directory = `${root}/${driver}-containers`
      const path = `${directory}/${id}/userdata/config.json`
      const config = parseObject(files.read(path, MAX_CONFIG_BYTES))
      if (config === null) continue
      const annotations = objectAt(config, 'annotations')
      if (annotations['io.kubernetes.cri-o.ContainerType'] !== undefined)
        return [crioNames(annotations)]
      const entry = findEntry(files, directory, id)
      return entry === null ? [] : [podmanNames(entry)]
    }
  return []
}

function crioNames(annotations: Json): FoundNames {
  return {
    name: textAt(annotations, 'io.kubernetes.container.name'),
    pod: textAt(annotations, 'io.kubernetes.pod.name'),
    namespace: textAt(annotations, 'io.kubernetes.pod.namespace'),
    image: textAt(annotations, 'io.kubernetes.cri-o.ImageName'),
    digest: textAt(annotations, 'io.kubernetes.cri-o.ImageRef'),
    podLabels: parseObject(textAt(annotations, 'io.kubernetes.cri-o.Labels') ?? '') ?? {},
  }
}

function podmanNames(entry: Json): FoundNames {
  const metadata = parseObject(textAt(entry, 'metadata') ?? '') ?? {}
  return {
    name: textAt(metadata, 'name'),
    pod: textAt(metadata, 'pod-name'),
    image: textAt(metadata, 'image-name'),
    digest: textAt(metadata, 'image-id'),
  }
}

function findEntry(files: HostFiles, directory: string, id: string): Json | null {
  for (const list of LISTS) {
    const bytes = files.read(`${directory}/${list}`, MAX_LIST_BYTES)
    // A list is no object: it becomes one under a name.
    const entries = bytes && parseObject(`{"list":${bytes}}`)?.['list']
    if (!Array.isArray(entries)) continue
    const entry: unknown = entries.find((one) => isObject(one) && one['id'] === id)
    if (isObject(entry)) return entry
  }
  return null
}
