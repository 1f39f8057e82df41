import { readFileSync, readlinkSync } from 'node:fs'
import { release } from 'node:os'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { damaged } from './bpf-object.ts'
import { BpfError } from './libbpf.ts'

// Why this machine may not be sampled, in one clear sentence and one line of remedy.

// PROC_PID_INIT_INO of the kernel: the same on every host.
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]'

/** Throws `pid_namespace`: process ids of the kernel would mean nothing under /proc here. */
export function checkPidNamespace(namespace = readlinkSync('/proc/self/ns/pid')): void {
  if (namespace === INITIAL_PID_NAMESPACE) return
  throw new FlamewatchError(
    'pid_namespace',
    `This process is in a PID namespace of its own (${namespace}), so it cannot see the processes of the host.`,
    { hint: 'Start the container with --pid=host (Kubernetes: hostPID: true).' },
  )
}

const CAPABILITIES = { CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const

/** Throws `not_privileged`. CAP_SYS_ADMIN stands for both others, as before 5.8. */
export function checkPrivileges(status = readFileSync('/proc/self/status', 'latin1')): void {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const has = (name: keyof typeof CAPABILITIES) =>
    ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 1n
  if (has('CAP_SYS_ADMIN')) return
  const missing = (['CAP_BPF', 'CAP_PERFMON'] as const).filter((name) => !has(name))
  if (missing.length > 0) throw notPrivileged(`${missing.join(' and ')} missing`)
}

function notPrivileged(why: string, cause?: unknown): FlamewatchError {
  return new FlamewatchError('not_privileged', `Sampling all processes is not permitted: ${why}.`, {
    hint: 'Run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYSLOG.',
    cause,
  })
}

const EPERM = 1
const ESRCH = 3
const EINVAL = 22
const ENOSYS = 38
// libbpf's own: not an ELF file, not a BPF object, another byte order.
const NOT_AN_OBJECT = [4000, 4001, 4003]

/** What it means that libbpf or the kernel did not take an object. */
export function explainLoadError(error: unknown, kernel = release()): unknown {
  if (!(error instanceof BpfError)) return error
  const { errno, message } = error
  if (errno === EPERM)
    return notPrivileged('the kernel refused bpf(2), as seccomp or lockdown do', error)
  if (errno === ESRCH && /BTF/.test(error.log))
    return new FlamewatchError('btf_missing', `This kernel (${kernel}) has no BTF.`, {
      hint: 'Use a kernel with CONFIG_DEBUG_INFO_BTF=y (/sys/kernel/btf/vmlinux is there then).',
      cause: error,
    })
  if (errno === ENOSYS || (errno === EINVAL && isOlderThan(kernel, 5, 8)))
    return new FlamewatchError(
      'kernel_unsupported',
      `BPF ring buffers are not supported by this kernel (${kernel}; they need 5.8).`,
      { hint: 'Use a kernel of 5.8 or newer with CONFIG_BPF_SYSCALL=y.', cause: error },
    )
  if (NOT_AN_OBJECT.includes(errno))
    return damaged(`libbpf cannot read the BPF object. ${message}`, error)
  return new FlamewatchError(
    'bpf_rejected',
    `The kernel (${kernel}) did not take the BPF program. ${message}`,
    {
      hint: 'Report these lines with the kernel version; flamewatch serves without sampling this machine meanwhile.',
      cause: error,
    },
  )
}

/** `release` as uname gives it, for example 5.10.0-28-amd64. */
export function isOlderThan(release: string, major: number, minor: number): boolean {
  const match = /^(\d+)\.(\d+)/.exec(release)
  if (!match) return false
  const [gotMajor, gotMinor] = [Number(match[1]), Number(match[2])]
  return gotMajor < major || (gotMajor === major && gotMinor < minor)
}
