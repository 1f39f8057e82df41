import koffi from 'koffi'
import { demangleRustV0 } from './rust-v0.ts'

// Node links libstdc++ or carries it, so the demangler every tool uses is already in the process.
// It mallocs its answer; dst receives a status that the null pointer tells as well.
const cxaDemangle = koffi
  .load(null)
  .func('__cxa_demangle', 'void *', ['str', 'void *', 'void *', 'void *'])
const free = koffi.load(null).func('free', 'void', ['void *'])

const MAX_MANGLED = 8192
// A reference (S1_, T_) repeats text from before it, so 235 bytes can become 276 MB of name and 2.5 s
// of work in a library that cannot be interrupted. Text grows at most by the product of one plus
// the number of references to each target; 99.7 % of Node's and all of LLVM's names stay below this.
const MAX_GROWTH = 2 ** 20
const REFERENCE = /S[0-9A-Z]*_|T[0-9A-Z]*_/g
// The arguments of a pack are written out one by one: growth by their number.
const PACK = /Dp|sp/g
// "::h" and 16 hex digits: the hash that makes a Rust symbol unique changes with every build.
const RUST_HASH = /::h[0-9a-f]{16}$/

/** The readable form of a mangled C++ or Rust name; other names as they are. */
export function demangle(name: string): string {
  if (name.length > MAX_MANGLED) return name
  if (name.startsWith('_Z')) return demangleItanium(name)
  if (name.startsWith('_R')) return demangleRustV0(name) ?? name
  return name
}

function demangleItanium(name: string): string {
  if (growthOf(name) > MAX_GROWTH) return name
  const pointer: unknown = cxaDemangle(name, null, null, null)
  if (pointer === null) return name
  try {
    const text: unknown = koffi.decode.string(pointer)
    return typeof text === 'string' ? unescapeRust(text) : name
  } finally {
    free(pointer)
  }
}

function growthOf(name: string): number {
  const counts = new Map<string, number>()
  for (const [target] of name.matchAll(REFERENCE)) counts.set(target, (counts.get(target) ?? 0) + 1)
  let growth = 1
  for (const count of counts.values()) growth *= 1 + count
  for (const _ of name.matchAll(PACK)) growth *= name.length / 2
  return growth
}

// Rust's legacy scheme writes characters that C++ names cannot have as $…$ and paths with dots.
const RUST_ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
}

function unescapeRust(text: string): string {
  if (!RUST_HASH.test(text)) return text
  return text
    .replace(RUST_HASH, '')
    .replace(/(^|::)_(?=\$)/g, '$1')
    .replace(/\.\./g, '::')
    .replace(/\$([A-Z]{1,2}|u[0-9a-f]{1,6})\$/g, (whole, code: string) => {
      if (!code.startsWith('u')) return RUST_ESCAPES[code] ?? whole
      const point = Number.parseInt(code.slice(1), 16)
      return point >= 0x20 && point <= 0x10ffff ? String.fromCodePoint(point) : whole
    })
}
