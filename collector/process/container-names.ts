// The names of a container as they go into labels. Whoever starts a container chooses them, and what a
// runtime wrote down may be damaged: each is checked against the rules of its kind, and one that breaks
// them is as good as unknown.

export type ContainerNames = {
  readonly name: string | null
  readonly pod: string | null
  readonly namespace: string | null
  /** As it was asked for: `registry/name:tag` or `registry/name@digest`. */
  readonly image: string | null
  /** Tag of the image, else the start of its digest; null for tags that name no version. */
  readonly imageVersion: string | null
  /** Those of POD_LABELS that are there. */
  readonly podLabels: Readonly<Record<string, string>>
}

/** Of a pod's labels these are read: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
const POD_LABELS = ['app.kubernetes.io/name', 'app.kubernetes.io/version'] as const

/** What one source knows of a container, unchecked. */
export type FoundNames = {
  readonly name?: string | null
  readonly pod?: string | null
  readonly namespace?: string | null
  readonly image?: string | null
  /** `sha256:…` or bare hex digits, of the image. */
  readonly digest?: string | null
  readonly podLabels?: Readonly<Record<string, unknown>>
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/, and for containers what
// Docker and Podman allow as well: [a-zA-Z0-9][a-zA-Z0-9_.-]+
const CONTAINER = /^[a-zA-Z0-9][\w.-]{0,252}$/
const POD = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/
const NAMESPACE = /^[a-z0-9]([\w.-]{0,61}[a-z0-9])?$/
const LABEL_VALUE = /^[a-zA-Z0-9]([\w.-]{0,61}[a-zA-Z0-9])?$/
// https://github.com/distribution/reference: a name of at most 255 characters, a tag of 128, a digest.
const IMAGE = /^[a-zA-Z0-9][\w.:/@+-]{0,511}$/

/** Null when nothing of it may be used. Of several sources the first that knows a name tells it. */
export function checkNames(sources: readonly FoundNames[]): ContainerNames | null {
  const first = (key: 'name' | 'pod' | 'namespace' | 'image', rule: RegExp): string | null =>
    sources.map((source) => source[key]).find((text) => text && rule.test(text)) ?? null
  const image = first('image', IMAGE)
  const digest = sources.map((source) => source.digest).find((text) => text) ?? null
  const names = {
    name: first('name', CONTAINER),
    pod: first('pod', POD),
    namespace: first('namespace', NAMESPACE),
    image,
    imageVersion: imageVersion(image, digest),
    podLabels: pickLabels(sources),
  }
  const { podLabels, ...texts } = names
  const isKnown = Object.values(texts).some(Boolean) || Object.keys(podLabels).length > 0
  return isKnown ? names : null
}

/** `reference` as `registry/name:tag@digest`; `digest` where the runtime keeps it apart. */
export function imageVersion(reference: string | null, digest: string | null): string | null {
  const [name = '', pinned] = (reference ?? '').split('@')
  const tag = /:([\w][\w.-]{0,127})$/.exec(name.slice(name.lastIndexOf('/') + 1))?.[1]
  // An image asked for by its id: the whole reference is a digest.
  const isId = /^(sha256:)?[0-9a-f]{64}$/.test(name)
  if (tag && tag !== 'latest' && !isId) return tag
  const hex = /([0-9a-f]{12})[0-9a-f]{52}$/.exec(pinned ?? (isId ? name : (digest ?? '')))?.[1]
  return hex ?? null
}

function pickLabels(sources: readonly FoundNames[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of POD_LABELS)
    for (const { podLabels = {} } of sources) {
      const value = Object.hasOwn(podLabels, name) ? podLabels[name] : null
      if (typeof value === 'string' && LABEL_VALUE.test(value)) picked[name] ??= value
    }
  return picked
}
