import type { Labels } from '../../infra/contract/labels.ts'
import { LABEL_LIMITS } from '../../infra/contract/labels.ts'
import type { CgroupNames } from './cgroup-path.ts'
import { isServiceUnit } from './cgroup-path.ts'
import type { ContainerNames } from './container-names.ts'
import type { Entry } from './entry-script.ts'
import { nameEntry, nameTitle } from './entry-script.ts'
import type { OtelNames } from './otel-environment.ts'

/** What was read about a process; null where it could not be known. */
export type ProcessFacts = {
  readonly comm: string
  /** Base name of the executable file. */
  readonly executable: string | null
  /** argv[0], possibly overwritten by the program. */
  readonly argv0: string
  /** As the process sees it. */
  readonly workingDirectory: string
  /** What it runs, when the executable is an interpreter. */
  readonly entry: Entry | null
  readonly otel: OtelNames
  readonly cgroup: CgroupNames
  readonly container: ContainerNames | null
  readonly executableVersion: string | null
  readonly entryVersion: string | null
}

const UNKNOWN = 'unknown'
const SHORT_CONTAINER_ID = 12 // as `docker ps` prints it

export function labelProcess(facts: ProcessFacts, host: string): Labels {
  const { cgroup, container } = facts
  return cleanLabels({
    service: nameService(facts),
    version: nameVersion(facts),
    host,
    container: container?.name ?? cgroup.containerId?.slice(0, SHORT_CONTAINER_ID),
    pod: container?.pod ?? cgroup.podUid,
    namespace: container?.namespace,
    image: container?.image,
    unit: cgroup.unit,
    comm: facts.comm,
  })
}

/** Design.md's order: the first that is known wins. */
export function nameService(facts: ProcessFacts): string {
  const { otel, container, cgroup } = facts
  return (
    otel.service ??
    container?.podLabels['app.kubernetes.io/name'] ??
    container?.name ??
    nameUnit(cgroup) ??
    nameProgram(facts) ??
    facts.comm
  )
}

/** A unit names a service where the process is not further inside, in a container. */
function nameUnit({ unit }: CgroupNames): string | null {
  return unit && isServiceUnit(unit) ? unit.replace(/\.service$/, '') : null
}

function nameProgram({ executable, argv0, entry, workingDirectory }: ProcessFacts): string | null {
  if (!executable || !entry) return executable
  return nameEntry(entry, workingDirectory) ?? nameTitle(executable, argv0) ?? executable
}

/** Design.md's order. An interpreter's own build id says nothing while its script is known. */
export function nameVersion(facts: ProcessFacts): string {
  const { otel, container } = facts
  return (
    otel.version ??
    container?.podLabels['app.kubernetes.io/version'] ??
    container?.imageVersion ??
    facts.entryVersion ??
    facts.executableVersion ??
    UNKNOWN
  )
}

/** The labels of a program that changed the name of its main thread. */
export function renameProcess(labels: Labels, comm: string): Labels {
  return cleanLabels({ ...labels, comm })
}

/** What is known of a process that died before it could be read: the kernel told name and cgroup. */
export type UnseenFacts = Pick<ProcessFacts, 'comm' | 'cgroup' | 'container'> & {
  /** That of the same program where it was seen. */
  readonly version: string | null
}

export function labelUnseen({ version, ...known }: UnseenFacts, host: string): Labels {
  return labelProcess(
    {
      ...known,
      executable: null,
      argv0: '',
      workingDirectory: '/',
      entry: null,
      entryVersion: null,
      otel: { service: null, version: null },
      executableVersion: version,
    },
    host,
  )
}

/** `release` is the kernel's. Per-CPU and per-queue names (`kworker/3:1H`) would make a series each. */
export function labelKernelThread(comm: string, release: string, host: string): Labels {
  const name = comm.replace(/[/:].*$/, '')
  return cleanLabels({ service: 'kernel', version: release, host, comm: name })
}

function cleanLabels(labels: Readonly<Record<string, string | null | undefined>>): Labels {
  const clean: Record<string, string> = {}
  for (const [name, value] of Object.entries(labels)) {
    const text = value == null ? '' : cleanValue(value)
    if (text !== '') clean[name] = text
  }
  return { ...clean, service: clean['service'] ?? UNKNOWN, version: clean['version'] ?? UNKNOWN }
}

/** What the contract lets a label hold: names come from programs, which may write what they like. */
export function cleanValue(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const printable = value.toWellFormed().replace(/[\u0000-\u001f\u007f]+/g, '?')
  const bytes = Buffer.from(printable.trim())
  if (bytes.length <= LABEL_LIMITS.valueBytes) return printable.trim()
  // Not in the middle of a character: bytes 10xxxxxx continue one.
  let end: number = LABEL_LIMITS.valueBytes
  while (((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
