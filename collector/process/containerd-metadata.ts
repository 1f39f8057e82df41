import fs from 'node:fs'
import { FileSource } from '../symbolize/byte-source.ts'
import { readBoltBucket } from './bolt-file.ts'
import type { FoundNames } from './container-names.ts'
import type { HostFiles } from './host-files.ts'
import { objectAt, parseObject, textAt } from './json.ts'

// What containerd wrote about a container: its bundle (annotations of the CRI plugin, pkg/cri/annotations
// of https://github.com/containerd/containerd) and its database (core/metadata/buckets.go), where the
// labels of a pod are those of its sandbox's container.

/** Directories of the distributions that bring their own containerd; the first is everybody's. */
const PLACES = [
  { state: '/run/containerd', root: '/var/lib/containerd' },
  { state: '/run/k3s/containerd', root: '/var/lib/rancher/k3s/agent/containerd' },
  { state: '/run/k0s/containerd', root: '/var/lib/k0s/containerd' },
  {
    state: '/var/snap/microk8s/common/run/containerd',
    root: '/var/snap/microk8s/common/var/lib/containerd',
  },
] as const
// Of the kubelet; of nerdctl and ctr.
const NAMESPACES = ['k8s.io', 'default'] as const
const MAX_CONFIG_BYTES = 1 << 20

export const CONTAINERD_STATES: readonly string[] = PLACES.map(({ state }) => state)

export function readContainerd(files: HostFiles, id: string): FoundNames[] {
  for (const { state, root } of PLACES)
    for (const namespace of NAMESPACES) {
      const path = `${state}/io.containerd.runtime.v2.task/${namespace}/${id}/config.json`
      const config = parseObject(files.read(path, MAX_CONFIG_BYTES))
      if (config === null) continue
      const annotations = objectAt(config, 'annotations')
      const sandbox = textAt(annotations, 'io.kubernetes.cri.sandbox-id')
      return [
        {
          name: textAt(annotations, 'io.kubernetes.cri.container-name'),
          pod: textAt(annotations, 'io.kubernetes.cri.sandbox-name'),
          namespace: textAt(annotations, 'io.kubernetes.cri.sandbox-namespace'),
          image: textAt(annotations, 'io.kubernetes.cri.image-name'),
        },
        readDatabase(files, root, { namespace, id, sandbox }),
      ]
    }
  return []
}

type Key = {
  readonly namespace: string
  readonly id: string
  /** Of the pod; null outside of one. */
  readonly sandbox: string | null
}

function readDatabase(files: HostFiles, root: string, { namespace, id, sandbox }: Key): FoundNames {
  const file = files.open(`${root}/io.containerd.metadata.v1.bolt/meta.db`)
  if (file === null) return {}
  try {
    const source = new FileSource(file.fd, file.sizeBytes)
    const bucket = (...path: string[]) => readBoltBucket(source, ['v1', namespace, ...path])
    const container = bucket('containers', id)
    const labels = bucket('containers', id, 'labels')
    const image = container?.get('image')
    return {
      name: labels?.get('io.kubernetes.container.name') ?? labels?.get('nerdctl/name') ?? null,
      pod: labels?.get('io.kubernetes.pod.name') ?? null,
      namespace: labels?.get('io.kubernetes.pod.namespace') ?? null,
      image: image ?? null,
      digest: (image && bucket('images', image, 'target')?.get('digest')) || null,
      podLabels: Object.fromEntries(
        (sandbox !== null && sandbox !== id && bucket('containers', sandbox, 'labels')) || [],
      ),
    }
  } finally {
    fs.closeSync(file.fd)
  }
}
