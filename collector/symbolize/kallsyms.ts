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

type Columns = {
  readonly starts: Float64Array
  /** Where the name of a row begins in `text`. */
  readonly names: Uint32Array
  readonly moduleIds: Uint16Array
  /** Names that each end with a NUL. */
  readonly text: Buffer
  readonly modules: readonly string[]
}

export class Kallsyms {
  readonly #columns: Columns
  /** Every address is 0: kptr_restrict, or no CAP_SYSLOG. */
  readonly hidden: boolean

  constructor(columns: Columns, hidden: boolean) {
    this.#columns = columns
    this.hidden = hidden
  }

  get rows(): number {
    return this.#columns.starts.length
  }

  get bytes(): number {
    return this.rows * 14 + this.#columns.text.length
  }

  find(address: bigint): KernelSymbol | null {
    const { starts, names, moduleIds, text, modules } = this.#columns
    const wanted = Number(BigInt.asIntN(64, address))
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] as number) <= wanted) low = middle + 1
      else high = middle
    }
    const row = low - 1
    if (row < 0 || wanted - (starts[row] as number) >= MAX_FUNCTION_BYTES) return null
    const name = names[row] as number
    return {
      name: text.toString('utf8', name, text.indexOf(0, name)),
      module: modules[moduleIds[row] as number] as string,
    }
  }
}

// There are no sizes; what lies this far behind a function is in none.
const MAX_FUNCTION_BYTES = 1 << 20
// A distribution's kernel has 122,000 functions without its modules, in 5 MB.
const MAX_BYTES = 64 << 20
const MAX_ROWS = 1 << 21
const PIECE_BYTES = 256 << 10
// The kernel's own limit (KSYM_NAME_LEN) is 512.
const MAX_LINE_BYTES = 4096

/** Reads all of it: about 80 ms of CPU. Null where there is no such file or it may not be read. */
export function readKallsyms(path = '/proc/kallsyms'): Kallsyms | null {
  let fd: number
  try {
    fd = fs.openSync(path, 'r')
  } catch {
    return null
  }
  try {
    const builder = new KallsymsBuilder()
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    for (let total = 0; total < MAX_BYTES; ) {
      const got = fs.readSync(fd, piece)
      if (got === 0) break
      builder.add(piece.subarray(0, got))
      total += got
    }
    return builder.finish()
  } catch {
    return null
  } finally {
    fs.closeSync(fd)
  }
}

/** Takes the file piece by piece, so that it is never in memory as a whole. */
export class KallsymsBuilder {
  #rows = 0
  #functions = 0
  #starts = new Float64Array(1 << 17)
  #names = new Uint32Array(1 << 17)
  #moduleIds = new Uint16Array(1 << 17)
  #text = Buffer.allocUnsafe(1 << 21)
  #textBytes = 0
  readonly #modules = [KERNEL_MODULE]
  /** The beginning of a line whose end is in the next piece. */
  #rest = Buffer.alloc(0)

  add(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let at = 0
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, at)) {
      this.#addLine(bytes, at, end)
      at = end + 1
    }
    // The piece is written over; a line without an end is no line.
    const rest = bytes.subarray(at)
    this.#rest = Buffer.from(rest.length > MAX_LINE_BYTES ? Buffer.alloc(0) : rest)
  }

  finish(): Kallsyms {
    const order = sortRows(this.#starts.subarray(0, this.#rows))
    const starts = new Float64Array(order.length)
    const names = new Uint32Array(order.length)
    const moduleIds = new Uint16Array(order.length)
    let kept = 0
    for (const row of order) {
      const start = this.#starts[row] as number
      // The first of several names of one address stays, as in the kernel's own traces.
      if (kept > 0 && starts[kept - 1] === start) continue
      starts[kept] = start
      names[kept] = this.#names[row] as number
      moduleIds[kept++] = this.#moduleIds[row] as number
    }
    const columns = {
      starts: starts.slice(0, kept),
      names: names.slice(0, kept),
      moduleIds: moduleIds.slice(0, kept),
      text: Buffer.from(this.#text.subarray(0, this.#textBytes)),
      modules: this.#modules,
    }
    return new Kallsyms(columns, this.#functions > 0 && kept === 0)
  }

  // 16 digits, a space, the type, a space, the name; in modules a tab and the module in brackets.
  #addLine(bytes: Buffer, from: number, to: number): void {
    if (to - from < 20 || !isFunction(bytes[from + 17]) || this.#rows >= MAX_ROWS) return
    this.#functions++
    const start = readAddress(bytes, from)
    if (start === 0) return
    let nameEnd = from + 19
    while (nameEnd < to && bytes[nameEnd] !== 0x09) nameEnd++
    this.#reserve(nameEnd - from)
    const row = this.#rows++
    this.#starts[row] = start
    this.#names[row] = this.#textBytes
    this.#moduleIds[row] = nameEnd === to ? 0 : this.#moduleId(bytes, nameEnd + 2, to - 1)
    this.#textBytes += bytes.copy(this.#text, this.#textBytes, from + 19, nameEnd)
    this.#text[this.#textBytes++] = 0
  }

  #reserve(nameBytes: number): void {
    if (this.#rows === this.#starts.length) {
      const grow = <T extends Float64Array | Uint32Array | Uint16Array>(to: T, old: T): T => {
        to.set(old)
        return to
      }
      const capacity = this.#rows * 2
      this.#starts = grow(new Float64Array(capacity), this.#starts)
      this.#names = grow(new Uint32Array(capacity), this.#names)
      this.#moduleIds = grow(new Uint16Array(capacity), this.#moduleIds)
    }
    if (this.#textBytes + nameBytes > this.#text.length)
      this.#text = Buffer.concat([this.#text], this.#text.length * 2)
  }

  // ftrace's and kprobes' trampolines carry names of the kernel itself.
  #moduleId(bytes: Buffer, from: number, to: number): number {
    const name = bytes.toString('utf8', from, Math.min(to, from + 64))
    if (name.startsWith('__builtin__')) return 0
    const module = name === 'bpf' ? '[bpf]' : `[${name}.ko]`
    // Lines of one module follow each other.
    if (this.#modules.at(-1) === module) return this.#modules.length - 1
    const known = this.#modules.indexOf(module)
    if (known >= 0) return known
    return this.#modules.length < 0xffff ? this.#modules.push(module) - 1 : 0
  }
}

// t T w W: functions, local, global and weak. v V are weak objects, which some kernels use as well.
function isFunction(type: number | undefined): boolean {
  const lower = (type ?? 0) | 0x20
  return lower === 0x74 || lower === 0x77 || lower === 0x76
}

/** Signed. */
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
