import fs from 'node:fs'
import { KERNEL_MODULE } from '../../infra/contract/profile.ts'
import { sortRows } from './sort-rows.ts'

// The kernel's functions from /proc/kallsyms: 5 MB of lines "address type name [module]", not in
// order (modules and BPF programs are appended), without sizes. Addresses are compared whole, as
// signed numbers: the kernel's half of the address space is then -2^55 to 0, which a double holds.

export type KernelSymbol = {
  readonly name: string
  /** KERNEL_MODULE, `[name.ko]` or `[bpf]`. */
  readonly module: string
}

export class Kallsyms {
  readonly #starts: Float64Array
  /** End of name i in #text; it begins where name i - 1 ends. */
  readonly #nameEnds: Uint32Array
  readonly #moduleIds: Uint16Array
  readonly #text: Buffer
  readonly #modules: readonly string[]
  /** Every address is 0: kptr_restrict, or no CAP_SYSLOG. */
  readonly hidden: boolean

  constructor(columns: {
    starts: Float64Array
    nameEnds: Uint32Array
    moduleIds: Uint16Array
    text: Buffer
    modules: readonly string[]
    hidden: boolean
  }) {
    this.#starts = columns.starts
    this.#nameEnds = columns.nameEnds
    this.#moduleIds = columns.moduleIds
    this.#text = columns.text
    this.#modules = columns.modules
    this.hidden = columns.hidden
  }

  get rows(): number {
    return this.#starts.length
  }

  get bytes(): number {
    return this.rows * 14 + this.#text.length
  }

  find(address: bigint): KernelSymbol | null {
    const wanted = Number(BigInt.asIntN(64, address))
    let low = 0
    let high = this.rows
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] as number) <= wanted) low = middle + 1
      else high = middle
    }
    const row = low - 1
    if (row < 0 || wanted - (this.#starts[row] as number) >= MAX_FUNCTION_BYTES) return null
    return {
      name: this.#text.toString(
        'utf8',
        row === 0 ? 0 : this.#nameEnds[row - 1],
        this.#nameEnds[row],
      ),
      module: this.#modules[this.#moduleIds[row] as number] as string,
    }
  }
}

// There are no sizes; what lies this far behind a function is in none.
const MAX_FUNCTION_BYTES = 1 << 20
const MAX_BYTES = 64 << 20
// 122,000 functions in a distribution's kernel without modules.
const MAX_ROWS = 1 << 21

/** Reads all of it: about 60 ms of CPU. Null where there is no such file or it may not be read. */
export function readKallsyms(path = '/proc/kallsyms'): Kallsyms | null {
  try {
    return parseKallsyms(fs.readFileSync(path).subarray(0, MAX_BYTES))
  } catch {
    return null
  }
}

export function parseKallsyms(bytes: Buffer): Kallsyms {
  // The shortest line of a function has 21 characters.
  const capacity = Math.min(MAX_ROWS, Math.ceil(bytes.length / 21))
  const starts = new Float64Array(capacity)
  const lineAt = new Uint32Array(capacity)
  let rows = 0
  let functions = 0
  for (let at = 0; at < bytes.length && rows < capacity; ) {
    const end = bytes.indexOf(0x0a, at)
    const next = end < 0 ? bytes.length : end + 1
    if (next - at > 20 && isFunction(bytes[at + 17])) {
      functions++
      const start = readAddress(bytes, at)
      if (start !== 0) {
        starts[rows] = start
        lineAt[rows++] = at + 19
      }
    }
    at = next
  }
  return build(bytes, starts.subarray(0, rows), lineAt, functions > 0 && rows === 0)
}

function build(
  bytes: Buffer,
  starts: Float64Array,
  lineAt: Uint32Array,
  hidden: boolean,
): Kallsyms {
  const order = sortRows(starts)
  const rows = order.length
  const sorted = new Float64Array(rows)
  const nameEnds = new Uint32Array(rows)
  const moduleIds = new Uint16Array(rows)
  const modules = [KERNEL_MODULE]
  const text = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let kept = 0
  for (let i = 0; i < rows; i++) {
    const row = order[i] as number
    const start = starts[row] as number
    // The first of several names of one address stays, as the kernel itself shows it in its traces.
    if (kept > 0 && sorted[kept - 1] === start) continue
    const at = lineAt[row] as number
    const nameEnd = endOfName(bytes, at)
    length += bytes.copy(text, length, at, nameEnd)
    sorted[kept] = start
    nameEnds[kept] = length
    moduleIds[kept] = idOf(modules, moduleName(bytes, nameEnd))
    kept++
  }
  return new Kallsyms({
    starts: sorted.slice(0, kept),
    nameEnds: nameEnds.slice(0, kept),
    moduleIds: moduleIds.slice(0, kept),
    text: Buffer.from(text.subarray(0, length)),
    modules,
    hidden,
  })
}

// t T w W: functions, local, global and weak. v V are weak objects, which some kernels use as well.
function isFunction(type: number | undefined): boolean {
  const lower = (type ?? 0) | 0x20
  return lower === 0x74 || lower === 0x77 || lower === 0x76
}

function readAddress(bytes: Buffer, at: number): number {
  let high = 0
  let low = 0
  for (let i = 0; i < 8; i++) high = (high << 4) | hexDigit(bytes[at + i] as number)
  for (let i = 8; i < 16; i++) low = (low << 4) | hexDigit(bytes[at + i] as number)
  return high * 0x1_0000_0000 + (low >>> 0)
}

function hexDigit(byte: number): number {
  return byte <= 0x39 ? byte & 15 : (byte & 15) + 9
}

function endOfName(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== 0x0a && bytes[at] !== 0x09) at++
  return at
}

// "\t[ext4]" after the name; ftrace's and kprobes' trampolines carry names of the kernel itself.
function moduleName(bytes: Buffer, nameEnd: number): string {
  if (bytes[nameEnd] !== 0x09) return KERNEL_MODULE
  const end = bytes.indexOf(0x0a, nameEnd)
  const name = bytes.toString('utf8', nameEnd + 2, end < 0 ? bytes.length - 1 : end - 1)
  if (name.startsWith('__builtin__')) return KERNEL_MODULE
  return name === 'bpf' ? '[bpf]' : `[${name.slice(0, 64)}.ko]`
}

function idOf(modules: string[], name: string): number {
  // Lines of one module follow each other.
  if (modules.at(-1) === name) return modules.length - 1
  const known = modules.indexOf(name)
  if (known >= 0) return known
  return modules.length < 0xffff ? modules.push(name) - 1 : 0
}
