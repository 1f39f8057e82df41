import koffi from 'koffi'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { formatVaList, lastErrno } from './libc.ts'

// The part of libbpf that is used, by koffi. libbpf 1.x returns a negative errno from functions that
// return int, and null with errno set from those that return a pointer.

type Handle = bigint

/** What libbpf and the kernel said when a call came back with an error. */
export class BpfError extends Error {
  /** Positive; 4000 and more are libbpf's own. */
  readonly errno: number
  // Private, so that a printed error does not show it twice: it is in the message.
  readonly #log: string

  constructor(call: string, errno: number, meaning: string, log: string) {
    super(`${call}: ${meaning} (errno ${errno})${log && `\n${log}`}`)
    this.name = 'BpfError'
    this.errno = errno
    this.#log = log
  }

  /** Lines libbpf printed meanwhile, the verifier's log among them; capped. */
  get log(): string {
    return this.#log
  }
}

/** Operations on maps by descriptor. They return 0 or a negative errno and never throw. */
export interface MapCalls {
  lookup(fd: number, key: Uint8Array, value: Uint8Array): number
  lookupAndDelete(fd: number, key: Uint8Array, value: Uint8Array): number
  delete(fd: number, key: Uint8Array): number
  /** `key` null asks for the first. */
  nextKey(fd: number, key: Uint8Array | null, next: Uint8Array): number
  /** `count` holds one u32: the room on entry, what was read on return. */
  lookupAndDeleteBatch(
    fd: number,
    from: Uint8Array | null,
    to: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    count: Uint32Array,
  ): number
  /** Off the main thread, for updates that wait inside the kernel. */
  updateWaiting(fd: number, key: Uint8Array, value: Uint8Array): Promise<number>
}

/** Makes and fills maps. They return a descriptor, 0 or a negative errno and never throw. */
export interface TableCalls {
  createArray(name: string, valueBytes: number, entries: number, flags: number): number
  update(fd: number, key: Uint8Array, value: Uint8Array): number
  delete(fd: number, key: Uint8Array): number
  /** `key` null asks for the first. */
  nextKey(fd: number, key: Uint8Array | null, next: Uint8Array): number
  /** As those, off the main thread: for maps of maps, where they wait inside the kernel. */
  updateWaiting(fd: number, key: Uint8Array, value: Uint8Array): Promise<number>
  deleteWaiting(fd: number, key: Uint8Array): Promise<number>
}

export type BpfLink = { destroy(): void }

/** An object file in memory: sizes may be changed until load(), maps and programs used after it. */
export interface BpfObject {
  resizeMap(name: string, maxEntries: number): void
  setValueSize(name: string, bytes: number): void
  /** What a map of variables holds when it is loaded; all of it. */
  setInitialValue(map: string, bytes: Uint8Array): void
  /** load() makes no such map; no program that is loaded may use it. */
  leaveMapOut(name: string): void
  /** load() leaves that program out. */
  leaveProgramOut(name: string): void
  /** Throws BpfError with the verifier's words. */
  load(): void
  mapFd(name: string): number
  programFd(name: string): number
  /** To what the program's section names. */
  attach(program: string): BpfLink
  /**
   * The link owns the perf event's descriptor from here on. `cookie` is what the program sees as its
   * attachment's own; since Linux 5.15.
   */
  attachPerfEvent(program: string, perfEventFd: number, cookie?: bigint): BpfLink
  attachKprobe(program: string, kernelFunction: string, cookie: bigint): BpfLink
  /** `offset` in the file, of all processes that run it. */
  attachUprobe(program: string, path: string, offset: number, cookie: bigint): BpfLink
  close(): void
}

export interface Libbpf {
  readonly version: string
  readonly maps: MapCalls
  readonly tables: TableCalls
  /** As the kernel counts them for per-CPU maps: more than are online. */
  possibleCpus(): number
  /** Throws BpfError when the bytes are no BPF object. */
  openObject(bytes: Uint8Array): BpfObject
  /** Run times of BPF programs are measured while the descriptor is open; a negative errno without. */
  enableRunTimes(): number
}

const SHARED_LIBRARY = 'libbpf.so.1'

/** Throws `libbpf_missing`. */
export function loadLibbpf(library = SHARED_LIBRARY): Libbpf {
  const calls = bind(library)
  captureLog(calls.setPrint)
  return {
    version: calls.version(),
    maps: mapCalls(calls),
    tables: tableCalls(calls),
    possibleCpus: () => checkInt(calls, 'libbpf_num_possible_cpus', calls.possibleCpus()),
    openObject: (bytes) => openObject(calls, bytes),
    enableRunTimes: () => calls.enableStats(0),
  }
}

/** For another thread than that of loadLibbpf(), whose log is captured there. Throws `libbpf_missing`. */
export function loadTableCalls(library = SHARED_LIBRARY): TableCalls {
  return tableCalls(bind(library))
}

type Calls = ReturnType<typeof bind>

/** A function that may also run on another thread. */
type Waiting<Arguments extends unknown[]> = {
  (...args: Arguments): number
  async(...args: [...Arguments, (error: unknown, result: number) => void]): void
}

function wait<Arguments extends unknown[]>(
  call: Waiting<Arguments>,
  ...args: Arguments
): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

// The signatures are libbpf's; the casts are what they mean in TypeScript.
function bind(library: string) {
  let lib: ReturnType<typeof koffi.load>
  try {
    lib = koffi.load(library)
  } catch (cause) {
    throw new FlamewatchError('libbpf_missing', `The shared library ${library} is not installed.`, {
      hint: 'Type: sudo apt-get install libbpf1 (Debian, Ubuntu) or sudo dnf install libbpf (Fedora).',
      cause,
    })
  }
  type Bytes = Uint8Array | Uint32Array
  const f = (definition: string) => lib.func(definition)
  return {
    version: f('str libbpf_version_string()') as () => string,
    strerror: f('int libbpf_strerror(int error, void *buffer, size_t size)') as (
      error: number,
      buffer: Bytes,
      size: number,
    ) => number,
    setPrint: lib.func('libbpf_set_print', 'void *', ['void *']) as (callback: Handle) => Handle,
    possibleCpus: f('int libbpf_num_possible_cpus()') as () => number,
    enableStats: f('int bpf_enable_stats(int type)') as (type: number) => number,
    openMem: f('void *bpf_object__open_mem(void *bytes, size_t size, void *options)') as (
      bytes: Uint8Array,
      size: number,
      options: null,
    ) => Handle | null,
    load: f('int bpf_object__load(void *object)') as (object: Handle) => number,
    close: f('void bpf_object__close(void *object)') as (object: Handle) => void,
    findMap: f('void *bpf_object__find_map_by_name(void *object, str name)') as (
      object: Handle,
      name: string,
    ) => Handle | null,
    findProgram: f('void *bpf_object__find_program_by_name(void *object, str name)') as (
      object: Handle,
      name: string,
    ) => Handle | null,
    setMaxEntries: f('int bpf_map__set_max_entries(void *map, uint entries)') as (
      map: Handle,
      entries: number,
    ) => number,
    setValueSize: f('int bpf_map__set_value_size(void *map, uint size)') as (
      map: Handle,
      size: number,
    ) => number,
    mapFd: f('int bpf_map__fd(void *map)') as (map: Handle) => number,
    programFd: f('int bpf_program__fd(void *program)') as (program: Handle) => number,
    setInitialValue: f('int bpf_map__set_initial_value(void *map, void *bytes, size_t size)') as (
      map: Handle,
      bytes: Bytes,
      size: number,
    ) => number,
    setAutocreate: f('int bpf_map__set_autocreate(void *map, bool create)') as (
      map: Handle,
      create: boolean,
    ) => number,
    setAutoload: f('int bpf_program__set_autoload(void *program, bool load)') as (
      program: Handle,
      load: boolean,
    ) => number,
    attach: f('void *bpf_program__attach(void *program)') as (program: Handle) => Handle | null,
    attachPerfEvent: f(
      'void *bpf_program__attach_perf_event_opts(void *program, int fd, void *options)',
    ) as (program: Handle, fd: number, options: Bytes) => Handle | null,
    attachKprobe: f(
      'void *bpf_program__attach_kprobe_opts(void *program, str function, void *options)',
    ) as (program: Handle, name: string, options: Bytes) => Handle | null,
    attachUprobe: f(
      'void *bpf_program__attach_uprobe_opts(void *program, int pid, str path, size_t offset, void *options)',
    ) as (
      program: Handle,
      pid: number,
      path: string,
      offset: number,
      options: Bytes,
    ) => Handle | null,
    destroyLink: f('int bpf_link__destroy(void *link)') as (link: Handle) => number,
    lookup: f('int bpf_map_lookup_elem(int fd, void *key, void *value)') as (
      fd: number,
      key: Bytes,
      value: Bytes,
    ) => number,
    lookupAndDelete: f('int bpf_map_lookup_and_delete_elem(int fd, void *key, void *value)') as (
      fd: number,
      key: Bytes,
      value: Bytes,
    ) => number,
    delete: f('int bpf_map_delete_elem(int fd, void *key)') as Waiting<[fd: number, key: Bytes]>,
    nextKey: f('int bpf_map_get_next_key(int fd, void *key, void *next)') as (
      fd: number,
      key: Bytes | null,
      next: Bytes,
    ) => number,
    lookupAndDeleteBatch: f(
      'int bpf_map_lookup_and_delete_batch(int fd, void *from, void *to, void *keys, void *values, void *count, void *options)',
    ) as (
      fd: number,
      from: Bytes | null,
      to: Bytes,
      keys: Bytes,
      values: Bytes,
      count: Bytes,
      options: null,
    ) => number,
    update: f('int bpf_map_update_elem(int fd, void *key, void *value, uint64_t flags)') as Waiting<
      [fd: number, key: Bytes, value: Bytes, flags: number]
    >,
    createMap: f(
      'int bpf_map_create(int type, str name, uint keyBytes, uint valueBytes, uint entries, void *options)',
    ) as (
      type: number,
      name: string,
      keyBytes: number,
      valueBytes: number,
      entries: number,
      options: Bytes,
    ) => number,
  }
}

function mapCalls(calls: Calls): MapCalls {
  return {
    lookup: calls.lookup,
    lookupAndDelete: calls.lookupAndDelete,
    delete: calls.delete,
    nextKey: calls.nextKey,
    lookupAndDeleteBatch: (fd, from, to, keys, values, count) =>
      calls.lookupAndDeleteBatch(fd, from, to, keys, values, count, null),
    updateWaiting: (fd, key, value) => wait(calls.update, fd, key, value, 0),
  }
}

const MAP_TYPE_ARRAY = 2

function tableCalls(calls: Calls): TableCalls {
  return {
    createArray: (name, valueBytes, entries, flags) => {
      // struct bpf_map_create_opts: its size first, map_flags at 28.
      const options = Buffer.alloc(48)
      options.writeBigUInt64LE(48n, 0)
      options.writeUInt32LE(flags, 28)
      return calls.createMap(MAP_TYPE_ARRAY, name, 4, valueBytes, entries, options)
    },
    update: (fd, key, value) => calls.update(fd, key, value, 0),
    delete: calls.delete,
    nextKey: calls.nextKey,
    updateWaiting: (fd, key, value) => wait(calls.update, fd, key, value, 0),
    deleteWaiting: (fd, key) => wait(calls.delete, fd, key),
  }
}

function openObject(calls: Calls, bytes: Uint8Array): BpfObject {
  logLines.length = 0
  const object = checkPointer(
    calls,
    'bpf_object__open_mem',
    calls.openMem(bytes, bytes.length, null),
  )
  let closed = false
  // libbpf would follow a pointer into freed memory.
  const open = () => {
    if (closed) throw new FlamewatchError('internal', 'The BPF object is closed.')
    return object
  }
  const findMap = (name: string) => checkPointer(calls, `map ${name}`, calls.findMap(open(), name))
  const findProgram = (name: string) =>
    checkPointer(calls, `program ${name}`, calls.findProgram(open(), name))
  const attach = (call: string, link: () => Handle | null): BpfLink => {
    logLines.length = 0
    const handle = checkPointer(calls, call, link())
    return { destroy: () => void calls.destroyLink(handle) }
  }
  return {
    resizeMap: (name, maxEntries) =>
      void checkInt(calls, `size of map ${name}`, calls.setMaxEntries(findMap(name), maxEntries)),
    setValueSize: (name, size) =>
      void checkInt(calls, `value size of map ${name}`, calls.setValueSize(findMap(name), size)),
    setInitialValue: (name, bytes) =>
      void checkInt(
        calls,
        `initial value of map ${name}`,
        calls.setInitialValue(findMap(name), bytes, bytes.length),
      ),
    leaveMapOut: (name) =>
      void checkInt(calls, `leave out map ${name}`, calls.setAutocreate(findMap(name), false)),
    leaveProgramOut: (name) =>
      void checkInt(
        calls,
        `leave out program ${name}`,
        calls.setAutoload(findProgram(name), false),
      ),
    load: () => {
      logLines.length = 0
      checkInt(calls, 'bpf_object__load', calls.load(open()))
    },
    mapFd: (name) => checkInt(calls, `map ${name}`, calls.mapFd(findMap(name))),
    programFd: (name) => checkInt(calls, `program ${name}`, calls.programFd(findProgram(name))),
    attach: (program) => attach('bpf_program__attach', () => calls.attach(findProgram(program))),
    attachPerfEvent: (program, fd, cookie = 0n) =>
      attach('bpf_program__attach_perf_event', () =>
        calls.attachPerfEvent(findProgram(program), fd, attachOptions(8, cookie)),
      ),
    attachKprobe: (program, kernelFunction, cookie) =>
      attach('bpf_program__attach_kprobe', () =>
        calls.attachKprobe(findProgram(program), kernelFunction, attachOptions(8, cookie)),
      ),
    attachUprobe: (program, path, offset, cookie) =>
      attach('bpf_program__attach_uprobe', () =>
        calls.attachUprobe(
          findProgram(program),
          ANY_PROCESS,
          path,
          offset,
          attachOptions(16, cookie),
        ),
      ),
    close: () => {
      if (!closed) calls.close(object)
      closed = true
    },
  }
}

const ANY_PROCESS = -1

// struct bpf_perf_event_opts, bpf_kprobe_opts, bpf_uprobe_opts: their size first, the cookie at `at`,
// the rest is 0.
function attachOptions(at: number, cookie: bigint): Buffer {
  const options = Buffer.alloc(at + 8)
  options.writeBigUInt64LE(BigInt(options.length), 0)
  options.writeBigUInt64LE(cookie, at)
  return options
}

function checkInt(calls: Calls, call: string, result: number): number {
  if (result < 0) throw bpfError(calls, call, -result)
  return result
}

function checkPointer(calls: Calls, call: string, result: Handle | null): Handle {
  const errno = lastErrno()
  if (result === null || result === 0n) throw bpfError(calls, call, errno)
  return result
}

// strerror(3) does not know libbpf's own numbers.
function bpfError(calls: Calls, call: string, errno: number): BpfError {
  const text = Buffer.alloc(128)
  calls.strerror(errno, text, text.length)
  return new BpfError(call, errno, text.toString('utf8', 0, text.indexOf(0)), takeLog())
}

// libbpf prints through one function for the whole process. A verifier's log can be megabytes; its
// start names the program, its end says what was refused.
const LOG_HEAD = 1_000
const LOG_TAIL = 3_000
const LEVEL_INFO = 1
const logLines: string[] = []
const logBuffer = Buffer.alloc(64 * 1024)
let printCallback: Handle | undefined

function captureLog(setPrint: (callback: Handle) => Handle): void {
  printCallback ??= koffi.register(
    (level: number, format: Handle, args: Handle): number => {
      if (level > LEVEL_INFO) return 0
      const text = formatVaList(logBuffer, format, args)
      logLines.push(text.trimEnd())
      return text.length
    },
    koffi.pointer(koffi.proto('int', ['int', 'void *', 'void *'])),
  )
  setPrint(printCallback)
}

function takeLog(): string {
  const text = logLines.splice(0).join('\n')
  if (text.length <= LOG_HEAD + LOG_TAIL) return text
  const cut = text.length - LOG_HEAD - LOG_TAIL
  return `${text.slice(0, LOG_HEAD)}\n[${cut} characters left out]\n${text.slice(-LOG_TAIL)}`
}
