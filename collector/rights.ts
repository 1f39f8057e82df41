import { readFileSync } from 'node:fs'
import { readProcFile } from './process/proc-file.ts'

// What the collector needs of a superuser's rights, and what is lost without each. Nothing is lost
// silently: what is missing is said at start, in the report of --dry-run and in the notes of batches.

export type Right = {
  readonly capability: string
  /** Its bit in CapEff: include/uapi/linux/capability.h. */
  readonly bit: number
  /** Wider capabilities that the kernel takes instead. */
  readonly orAny: readonly number[]
  /** Nothing can be sampled without it. */
  readonly required: boolean
  /** What it is for. */
  readonly gives: string
  /** What is lost without it: a clause that goes on from "… is missing: ". */
  readonly lost: string
}

const CAP_DAC_OVERRIDE = 1
const CAP_SYS_ADMIN = 21

export const RIGHTS: readonly Right[] = [
  {
    capability: 'CAP_BPF',
    bit: 39,
    orAny: [CAP_SYS_ADMIN],
    required: true,
    gives: 'loads the sampling program',
    lost: 'nothing can be sampled',
  },
  {
    capability: 'CAP_PERFMON',
    bit: 38,
    orAny: [CAP_SYS_ADMIN],
    required: true,
    gives: 'attaches it to the clock of every CPU',
    lost: 'nothing can be sampled',
  },
  {
    capability: 'CAP_SYS_PTRACE',
    bit: 19,
    orAny: [],
    required: false,
    gives: 'reads what processes of other users run and have mapped',
    lost: 'processes of other users go by the name of their thread, and their frames have no names',
  },
  {
    capability: 'CAP_SYSLOG',
    bit: 34,
    orAny: [CAP_SYS_ADMIN],
    required: false,
    gives: 'reads the addresses of kernel functions',
    lost: 'kernel functions have no names',
  },
  {
    capability: 'CAP_DAC_READ_SEARCH',
    bit: 2,
    orAny: [CAP_DAC_OVERRIDE],
    required: false,
    gives: 'reads programs and container metadata that are private to their owners',
    lost: 'programs only their owners may read have no symbols, and containers go by their ids',
  },
  {
    capability: 'CAP_CHECKPOINT_RESTORE',
    bit: 40,
    orAny: [CAP_SYS_ADMIN],
    required: false,
    gives: 'reads mapped files that were deleted or replaced',
    lost: 'programs that were replaced or deleted while they run have no symbols',
  },
]

/** Those of RIGHTS a process does not hold. `status` is the text of /proc/PID/status. */
export function missingRights(status = readFileSync('/proc/self/status', 'latin1')): Right[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n
  return RIGHTS.filter(({ bit, orAny }) => ![bit, ...orAny].some(has))
}

/** Those whose lack costs something here: a kernel may show its addresses to everybody. */
export function lostRights(): Right[] {
  return missingRights().filter(
    ({ capability }) => capability !== 'CAP_SYSLOG' || !showsKernelAddresses(readKallsymsStart()),
  )
}

/** `kallsyms` is the beginning of /proc/kallsyms, where hidden addresses read as zeros. */
export function showsKernelAddresses(kallsyms: string): boolean {
  return /^0*[1-9a-f][0-9a-f]* /m.test(kallsyms)
}

function readKallsymsStart(): string {
  return readProcFile('/proc/kallsyms', 4096)?.toString('latin1') ?? ''
}

/** `CAP_SYSLOG is missing: kernel functions have no names.` */
export function explainMissing({ capability, lost }: Right): string {
  return `${capability} is missing: ${lost}.`
}

/** One line to type that runs the collector with these rights and no others. */
export function grantLine(): string {
  const names = RIGHTS.map(({ capability }) => capability.slice('CAP_'.length).toLowerCase())
  const added = names.map((name) => `+${name}`).join()
  return `sudo setpriv --reuid "$USER" --init-groups --inh-caps ${added} --ambient-caps ${added} npx flamewatch collect`
}
