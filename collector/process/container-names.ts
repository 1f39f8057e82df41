import { readProcFile } from './proc-file.ts'

// What a container runtime wrote on this host about a container: names without asking an API. These
// files also hold environments; only the keys read here are kept.

export type ContainerNames = {
  readonly name: string | null
  readonly pod: string | null
  readonly namespace: string | null
  /** Tag of the image, else the start of its digest; null for tags that name no version. */
  readonly imageVersion: string | null
  readonly podLabels: Readonly<Record<string, string>>
}

type Source = {
  readonly file: (containerId: string) => string
  readonly parse: (config: Json) => ContainerNames
}

const SOURCES: readonly Source[] = [
  {
    file: (id) => `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/config.json`,
    parse: parseContainerd,
  },
  {
    file: (id) => `/var/lib/containers/storage/overlay-containers/${id}/userdata/config.json`,
    parse: parseCrio,
  },
  { file: (id) => `/var/lib/docker/containers/${id}/config.v2.json`, parse: parseDocker },
]

const MAX_BYTES = 1024 * 1024

/** Null when no runtime known here wrote about the container. `root` is '' but for tests. */
export function readContainerNames(containerId: string, root = ''): ContainerNames | null {
  for (const { file, parse } of SOURCES) {
    const bytes = readProcFile(root + file(containerId), MAX_BYTES)
    const config = bytes && parseJson(bytes.toString())
    if (config) return parse(config)
  }
  return null
}

// Annotations of the CRI plugin: https://github.com/containerd/containerd pkg/cri/annotations.
function parseContainerd(config: Json): ContainerNames {
  const annotations = field(config, 'annotations')
  return {
    name: text(annotations, 'io.kubernetes.cri.container-name'),
    pod: text(annotations, 'io.kubernetes.cri.sandbox-name'),
    namespace: text(annotations, 'io.kubernetes.cri.sandbox-namespace'),
    imageVersion: imageVersion(text(annotations, 'io.kubernetes.cri.image-name'), null),
    podLabels: {},
  }
}

// Annotations of CRI-O: https://github.com/cri-o/cri-o pkg/annotations. Labels is JSON in a string.
function parseCrio(config: Json): ContainerNames {
  const annotations = field(config, 'annotations')
  const labels = parseJson(text(annotations, 'io.kubernetes.cri-o.Labels') ?? '') ?? {}
  return {
    name: text(annotations, 'io.kubernetes.container.name'),
    pod: text(annotations, 'io.kubernetes.pod.name'),
    namespace: text(annotations, 'io.kubernetes.pod.namespace'),
    imageVersion: imageVersion(
      text(annotations, 'io.kubernetes.cri-o.ImageName'),
      text(annotations, 'io.kubernetes.cri-o.ImageRef'),
    ),
    podLabels: pickLabels(labels),
  }
}

function parseDocker(config: Json): ContainerNames {
  const container = field(config, 'Config')
  const labels = field(container, 'Labels')
  return {
    name:
      text(labels, 'com.docker.compose.service') ??
      text(config, 'Name')?.replace(/^\//, '') ??
      null,
    pod: null,
    namespace: text(labels, 'com.docker.compose.project'),
    imageVersion: imageVersion(text(container, 'Image'), text(config, 'Image')),
    podLabels: {},
  }
}

/** `reference` as `registry/name:tag@digest`; `digest` where the runtime keeps it apart. */
export function imageVersion(reference: string | null, digest: string | null): string | null {
  const [name = '', pinned] = (reference ?? '').split('@')
  const tag = /:([\w][\w.-]{0,127})$/.exec(name.slice(name.lastIndexOf('/') + 1))?.[1]
  if (tag && tag !== 'latest') return tag
  const hex = /([0-9a-f]{12})[0-9a-f]{52}$/.exec(pinned ?? digest ?? '')?.[1]
  return hex ?? null
}

function pickLabels(labels: Json): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of ['app.kubernetes.io/name', 'app.kubernetes.io/version']) {
    const value = text(labels, name)
    if (value) picked[name] = value
  }
  return picked
}

type Json = Readonly<Record<string, unknown>>

function parseJson(source: string): Json | null {
  try {
    const value: unknown = JSON.parse(source)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function field(json: Json, name: string): Json {
  const value = json[name]
  return isObject(value) ? value : {}
}

function text(json: Json, name: string): string | null {
  const value = json[name]
  return typeof value === 'string' && value !== '' ? value : null
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
