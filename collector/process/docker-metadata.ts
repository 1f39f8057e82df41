import type { FoundNames } from './container-names.ts'
import type { HostFiles } from './host-files.ts'
import { objectAt, parseObject, textAt } from './json.ts'

// What Docker wrote about a container: config.v2.json below its data root. Of a compose file the service
// names it, below a kubelet (cri-dockerd) the container of the pod.

const ROOTS = ['/var/lib/docker', '/var/snap/docker/common/var-lib-docker'] as const
const SETTINGS = '/etc/docker/daemon.json'
const MAX_CONFIG_BYTES = 1 << 20

export function dockerRoots(files: HostFiles): readonly string[] {
  const set = textAt(parseObject(files.read(SETTINGS, MAX_CONFIG_BYTES)) ?? {}, 'data-root')
  return set?.startsWith('/') ? [set, ...ROOTS] : ROOTS
}

export function readDocker(files: HostFiles, id: string): FoundNames[] {
  for (const root of dockerRoots(files)) {
    const path = `${root}/containers/${id}/config.v2.json`
    const config = parseObject(files.read(path, MAX_CONFIG_BYTES))
    if (config === null) continue
    const container = objectAt(config, 'Config')
    const labels = objectAt(container, 'Labels')
    const image = { image: textAt(container, 'Image'), digest: textAt(config, 'Image') }
    return [
      {
        ...image,
        name: textAt(labels, 'io.kubernetes.container.name'),
        pod: textAt(labels, 'io.kubernetes.pod.name'),
        namespace: textAt(labels, 'io.kubernetes.pod.namespace'),
      },
      {
        name: textAt(labels, 'com.docker.compose.service'),
        namespace: textAt(labels, 'com.docker.compose.project'),
      },
      { name: textAt(config, 'Name')?.replace(/^\//, '') ?? null },
    ]
  }
  return []
}
