import type { HostReport } from './host-report.ts'

const NAME_WIDTH = 26

/** The report for a person at a terminal, line by line. */
export function renderReport(report: HostReport): string[] {
  const { host, sampling, features, rights, grant, cgroups, containers, memory } = report
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`
  return [
    `${host.name}: Linux ${host.kernel} on ${host.machine}, ${host.cpus} CPUs, ${megabytes(host.memoryBytes)} of memory`,
    '',
    ...renderSampling(sampling),
    '',
    'kernel',
    ...features.map(({ name, available, gives }) =>
      row(name, `${available ? 'yes' : 'no '}  ${gives}`),
    ),
    '',
    'rights',
    ...rights.map(({ capability, held, lost }) => row(capability, describeRight(held, lost))),
    ...(grant === null ? [] : [`  Type: ${grant}`]),
    '',
    'containers',
    row('cgroups', cgroups),
    ...(containers.length === 0 ? [row('metadata', 'of no runtime on this host')] : []),
    ...containers.map(({ name, directory, reach }) => row(name, `${reach}  ${directory}`)),
    '',
    'memory',
    row(
      'at rest',
      `${megabytes(memory.residentBytes)} of process${memory.mapBytes === null ? '' : `, ${megabytes(memory.mapBytes)} of BPF maps`}`,
    ),
    row('symbols', `up to ${megabytes(memory.mostSymbolBytes)} (--symbol-cache-bytes)`),
    row('unwind tables', `up to ${megabytes(memory.mostUnwindTableBytes)} (--unwind-table-memory)`),
  ]
}

function renderSampling(sampling: HostReport['sampling']): string[] {
  if (!sampling.possible)
    return [
      row('sampling', `not possible (${sampling.code})`),
      `  ${sampling.message}`,
      ...(sampling.hint === null ? [] : [`  ${sampling.hint}`]),
    ]
  const how = sampling.unwind === 'tables' ? 'by unwind tables' : 'by frame pointers'
  return [
    row('sampling', `${sampling.frequencyHz} Hz on every CPU`),
    row('user stacks', how),
    ...sampling.notes.map((note) => `  ${note}`),
  ]
}

function describeRight(held: boolean, lost: string | null): string {
  if (held) return 'held'
  return lost === null ? 'not held, and not needed on this host' : `missing: ${lost}`
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)}${text}`
}
