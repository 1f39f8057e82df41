import koffi from 'koffi'

// The few calls of the C library that Node does not offer. Pointers are bigints; a wrong one ends the
// process, so they stay inside this folder.

type Pointer = bigint

const libc = koffi.load(null)

const cClose = libc.func('int close(int fd)') as (fd: number) => number
const cRead = libc.func('long read(int fd, void *buffer, size_t size)') as (
  fd: number,
  buffer: Uint8Array,
  size: number,
) => number
const cMmap = libc.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
) as (
  address: null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => Pointer
const cMunmap = libc.func('int munmap(void *address, size_t length)') as (
  address: Pointer,
  length: number,
) => number
const cVsnprintf = libc.func(
  'int vsnprintf(void *buffer, size_t size, void *format, void *arguments)',
) as (buffer: Uint8Array, size: number, format: Pointer, args: Pointer) => number
const cSysconf = libc.func('long sysconf(int name)') as (name: number) => number
// syscall(2) takes its arguments as longs in registers, so it needs no variadic call here.
const cSyscall = libc.func('syscall', 'long', [
  'long',
  'void *',
  'long',
  'long',
  'long',
  'ulong',
]) as (
  number: number,
  pointer: Uint8Array,
  a: number,
  b: number,
  c: number,
  d: number,
) => number | bigint

const cSyscallLongs = libc.func('syscall', 'long', [
  'long',
  'long',
  'long',
  'long',
  'long',
  'long',
]) as (number: number, ...args: [number, number, number, number, number]) => number | bigint

/** errno of the last call that came back with an error; read it before anything else is called. */
export const lastErrno = (): number => koffi.errno()

// 4 KiB on x86-64; up to 64 KiB on arm64.
export const pageBytes = Number(cSysconf(30))

export function closeFd(fd: number): void {
  cClose(fd)
}

/** Reads a u64 from a descriptor; null when the kernel gave none (end of file or an error). */
export function readU64(fd: number): bigint | null {
  const buffer = Buffer.alloc(8)
  return Number(cRead(fd, buffer, 8)) === 8 ? buffer.readBigUInt64LE() : null
}

/** perf_event_open(2) for all processes of one CPU; a negative errno on failure. */
export function openPerfEvent(attributes: Uint8Array, cpu: number): number {
  const number = PERF_EVENT_OPEN[process.arch]
  if (number === undefined) return -ENOSYS
  const anyProcess = -1
  const noGroup = -1
  const closeOnExec = 8
  const fd = Number(cSyscall(number, attributes, anyProcess, cpu, noGroup, closeOnExec))
  return fd < 0 ? -koffi.errno() : fd
}

const ENOSYS = 38
const PERF_EVENT_OPEN: Readonly<Record<string, number>> = { x64: 298, arm64: 241 }

// The same numbers on every processor.
const FSOPEN = 430
const FSCONFIG = 431
const FSMOUNT = 432

/**
 * A file system of the kernel, mounted nowhere: the descriptor of its root, which only this process has
 * and which ends with it. A negative errno without the right to it (CAP_SYS_ADMIN) or before Linux 5.2.
 */
export function mountDetached(type: string): number {
  const closeOnExec = 1
  const create = 6
  const context = Number(cSyscall(FSOPEN, Buffer.from(`${type}\0`), closeOnExec, 0, 0, 0))
  if (context < 0) return -koffi.errno()
  try {
    if (Number(cSyscallLongs(FSCONFIG, context, create, 0, 0, 0)) < 0) return -koffi.errno()
    const root = Number(cSyscallLongs(FSMOUNT, context, closeOnExec, 0, 0, 0))
    return root < 0 ? -koffi.errno() : root
  } finally {
    cClose(context)
  }
}

export type Mapping = {
  /** Must not be touched after close(): the memory is gone and the process would end. */
  readonly memory: ArrayBuffer
  close(): void
}

/** Maps a descriptor, shared with the kernel; null and errno on failure. */
export function mapMemory(
  fd: number,
  length: number,
  offset: number,
  access: 'read' | 'write',
): Mapping | null {
  const address = cMmap(null, length, access === 'read' ? 1 : 3, 1, fd, offset)
  if (BigInt.asIntN(64, address) === -1n) return null
  return {
    memory: koffi.view(address, length),
    close: () => void cMunmap(address, length),
  }
}

/** Formats what a C callback got as format and va_list. */
export function formatVaList(buffer: Buffer, format: Pointer, args: Pointer): string {
  const length = cVsnprintf(buffer, buffer.length, format, args)
  return buffer.toString('utf8', 0, Math.max(0, Math.min(length, buffer.length - 1)))
}

export type Poll = { close(): void }

/** Calls back whenever the descriptor is readable. Keep the handle: it dies with the last reference. */
export function pollReadable(fd: number, onReadable: () => void): Poll {
  return koffi.node.poll(fd, { readable: true }, onReadable)
}
