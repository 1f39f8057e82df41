import { closeSync } from 'node:fs'
import { posix } from 'node:path'
import type { ByteSource } from '../symbolize/byte-source.ts'
import { FileSource } from '../symbolize/byte-source.ts'
import { BoundedMap } from './bounded-map.ts'
import type { CgroupNames } from './cgroup-path.ts'
import { chooseCgroupPath, NO_CGROUP_NAMES, parseCgroupPath } from './cgroup-path.ts'
import type { ContainerNames } from './container-names.ts'
import type { Entry } from './entry-script.ts'
import { findEntry } from './entry-script.ts'
import { executableVersion, scriptVersion } from './file-version.ts'
import { openRegular } from './mapped-file.ts'
import type { OtelNames } from './otel-environment.ts'
import { readOtelNames } from './otel-environment.ts'
import { readLink, readProcFile, resolveInRoot } from './proc-file.ts'
import type { ProcessFacts } from './process-labels.ts'

const MAX_ENVIRON_BYTES = 256 * 1024
const MAX_COMMAND_BYTES = 64 * 1024
const MAX_CGROUP_BYTES = 64 * 1024

export type ProcessReaderOptions = {
  /** Names of the container or pod of a cgroup; null when none are known. */
  readonly containerNames: (cgroup: CgroupNames) => ContainerNames | null
  /** Path of the cgroup with that id; null when unknown. */
  readonly cgroupPath: (id: bigint) => string | null
  /** Where /proc is; other than '/proc' only in tests. */
  readonly proc?: string
}

export type ProcessIdentity = {
  /** Clock ticks since boot at which the process began. */
  readonly startTicks: number
  /** Changes when the process executes another program: exec keeps pid and start time. */
  readonly image: string
  /** Name of its main thread, at most 15 bytes; programs may change it. */
  readonly comm: string
}

/** Reads /proc/PID. What processes share (executables, scripts) is read once per file. */
export class ProcessReader {
  readonly #options: ProcessReaderOptions
  readonly #proc: string
  readonly #versions = new BoundedMap<string, string>(4_096)

  constructor(options: ProcessReaderOptions) {
    this.#options = options
    this.#proc = options.proc ?? '/proc'
  }

  /** Null when there is no such process (any more). */
  identify(pid: number): ProcessIdentity | null {
    const stat = readProcFile(`${this.#proc}/${pid}/stat`, 4096)?.toString()
    return stat === undefined ? null : parseStat(stat)
  }

  /** Null when the process has died. `cgroupId` is 0 where it is not known. */
  read(pid: number, cgroupId: bigint): ProcessFacts | null {
    const base = `${this.#proc}/${pid}`
    const comm = readProcFile(`${base}/comm`, 64)?.toString().trimEnd()
    if (comm === undefined) return null
    const exe = readLink(`${base}/exe`)?.replace(/ \(deleted\)$/, '')
    const executable = exe ? posix.basename(exe) : null
    const [argv0 = '', ...args] = readArguments(`${base}/cmdline`)
    const workingDirectory = readWorkingDirectory(base)
    const entry = executable ? findEntry(executable, args) : null
    const cgroup = this.#readCgroup(base, cgroupId)
    return {
      comm,
      executable,
      argv0,
      workingDirectory,
      entry,
      cgroup,
      otel: readEnvironment(`${base}/environ`),
      container: this.container(cgroup),
      executableVersion: this.#fileVersion(`${base}/exe`, executableVersion),
      entryVersion: entry && this.#entryVersion(`${base}/root`, entry, workingDirectory),
    }
  }

  /** Works when every process in the cgroup has died, too. */
  cgroup(id: bigint): CgroupNames {
    // 1 is the root: where only v1 hierarchies tell processes apart, all are in it.
    const path = id > 1n ? this.#options.cgroupPath(id) : null
    return path === null ? NO_CGROUP_NAMES : parseCgroupPath(path)
  }

  container(cgroup: CgroupNames): ContainerNames | null {
    return this.#options.containerNames(cgroup)
  }

  #readCgroup(base: string, id: bigint): CgroupNames {
    const text = readProcFile(`${base}/cgroup`, MAX_CGROUP_BYTES)?.toString()
    const path = text === undefined ? null : chooseCgroupPath(text)
    const names = path === null ? NO_CGROUP_NAMES : parseCgroupPath(path)
    // In a cgroup namespace of our own that text says only `0::/`.
    return names.containerId || names.unit ? names : this.cgroup(id)
  }

  #entryVersion(root: string, entry: Entry, workingDirectory: string): string | null {
    for (const file of entryFiles(entry)) {
      const path = resolveInRoot(root, posix.resolve('/', workingDirectory, file))
      const version = path && this.#fileVersion(path, scriptVersion)
      if (version) return version
    }
    return null
  }

  #fileVersion(path: string, versionOf: (source: ByteSource) => string): string | null {
    const file = openRegular(path)
    if (file.kind === 'fault') return null
    try {
      const known = this.#versions.get(file.identity)
      if (known !== undefined) return known
      const version = versionOf(new FileSource(file.fd, file.sizeBytes))
      this.#versions.set(file.identity, version)
      return version
    } catch {
      return null
    } finally {
      closeSync(file.fd)
    }
  }
}

// A directory or a name without extension is what Node and Python complete themselves.
function entryFiles(entry: Entry): readonly string[] {
  if (entry.kind === 'none') return []
  if (entry.kind === 'module') {
    const path = entry.name.replaceAll('.', '/')
    return [`${path}.py`, `${path}/__main__.py`, `${path}/__init__.py`]
  }
  const { path } = entry
  return [path, `${path}.js`, `${path}/index.js`, `${path}/package.json`, `${path}/__main__.py`]
}

/** `stat` is the text of /proc/PID/stat; fields are numbered as in proc(5). Null without memory. */
export function parseStat(stat: string): ProcessIdentity | null {
  // The name (field 2) is in parentheses and may hold anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => fields[number - 3]
  // The start of code is 0 once what ends has given its memory back: nothing else can be read then.
  if (field(26) === '0') return null
  const startTicks = Number(field(22) ?? Number.NaN)
  // Start of code, of the stack and of the arguments: randomized at exec.
  const image = [field(26), field(28), field(48)].join(':')
  const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
  return Number.isSafeInteger(startTicks) ? { startTicks, image, comm } : null
}

function readArguments(path: string): string[] {
  const text = readProcFile(path, MAX_COMMAND_BYTES)?.toString() ?? ''
  return text.replace(/\0+$/, '').split('\0')
}

// As the process sees it: in a chroot the link's text begins with the new root.
function readWorkingDirectory(base: string): string {
  const path = readLink(`${base}/cwd`) ?? '/'
  const root = readLink(`${base}/root`) ?? '/'
  return root !== '/' && path.startsWith(`${root}/`) ? path.slice(root.length) : path
}

function readEnvironment(path: string): OtelNames {
  const environ = readProcFile(path, MAX_ENVIRON_BYTES)
  if (environ === null) return { service: null, version: null }
  const names = readOtelNames(environ)
  environ.fill(0)
  return names
}
