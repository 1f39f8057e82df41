import type { Labels } from './labels.ts'

// Ids are content hashes: the first 64 bits (h1, h2) of MurmurHash3_x86_128 with seed 0 (Appleby,
// public domain, github.com/aappleby/smhasher), chosen because it needs only 32-bit multiplications,
// which JavaScript has. The id 0 is reserved for "none"; a hash of 0 becomes 1. These definitions
// hold for ever: tests/contract keeps their golden values.
//
//   function id = hash64(name 0x00 file 0x00 module)       UTF-8
//   stack id    = hash64(function ids, root first, each as 8 bytes little endian)
//   series id   = hash64(name 0x00 value 0x00 … by ascending name)

/**
 * Hashes bytes[start, end) and writes the id as two words, low then high, to out[at], out[at + 1].
 * Who hashes many parts of the same bytes passes a view of them: words are read several times
 * faster through one.
 */
export function hash64Into(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint32Array,
  at: number,
  view: DataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
): void {
  const length = end - start
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  let i = start
  for (const last = start + (length & ~15); i < last; i += 16) {
    const k1 = view.getInt32(i, true)
    const k2 = view.getInt32(i + 4, true)
    const k3 = view.getInt32(i + 8, true)
    const k4 = view.getInt32(i + 12, true)
    h1 ^= mixK1(k1)
    h1 = (h1 << 19) | (h1 >>> 13)
    h1 = (h1 + h2) | 0
    h1 = (Math.imul(h1, 5) + 0x561ccd1b) | 0
    h2 ^= mixK2(k2)
    h2 = (h2 << 17) | (h2 >>> 15)
    h2 = (h2 + h3) | 0
    h2 = (Math.imul(h2, 5) + 0x0bcaa747) | 0
    h3 ^= mixK3(k3)
    h3 = (h3 << 15) | (h3 >>> 17)
    h3 = (h3 + h4) | 0
    h3 = (Math.imul(h3, 5) + 0x96cd1c35) | 0
    h4 ^= mixK4(k4)
    h4 = (h4 << 13) | (h4 >>> 19)
    h4 = (h4 + h1) | 0
    h4 = (Math.imul(h4, 5) + 0x32ac3b17) | 0
  }
  const rest = end - i
  if (rest > 12) h4 ^= mixK4(tail(bytes, i + 12, end))
  if (rest > 8) h3 ^= mixK3(tail(bytes, i + 8, Math.min(end, i + 12)))
  if (rest > 4) h2 ^= mixK2(tail(bytes, i + 4, Math.min(end, i + 8)))
  if (rest > 0) h1 ^= mixK1(tail(bytes, i, Math.min(end, i + 4)))
  h1 ^= length
  h2 ^= length
  h3 ^= length
  h4 ^= length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finalMix(h1)
  h2 = finalMix(h2)
  h3 = finalMix(h3)
  h4 = finalMix(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  if ((h1 | h2) === 0) h1 = 1
  out[at] = h1
  out[at + 1] = h2
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

function mixK1(k: number): number {
  const m = Math.imul(k, C1)
  return Math.imul((m << 15) | (m >>> 17), C2)
}
function mixK2(k: number): number {
  const m = Math.imul(k, C2)
  return Math.imul((m << 16) | (m >>> 16), C3)
}
function mixK3(k: number): number {
  const m = Math.imul(k, C3)
  return Math.imul((m << 17) | (m >>> 15), C4)
}
function mixK4(k: number): number {
  const m = Math.imul(k, C4)
  return Math.imul((m << 18) | (m >>> 14), C1)
}

// The last up to 4 bytes, little endian, missing ones zero.
function tail(b: Uint8Array, from: number, to: number): number {
  let k = 0
  for (let i = to - 1; i >= from; i--) k = (k << 8) | (b[i] as number)
  return k
}

function finalMix(h: number): number {
  let x = h ^ (h >>> 16)
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return x ^ (x >>> 16)
}

const pair = new Uint32Array(2)

/** The id of `bytes` as an unsigned 64-bit integer. For hot paths use hash64Into. */
export function hash64(bytes: Uint8Array): bigint {
  hash64Into(bytes, 0, bytes.length, pair, 0)
  return toId(pair[0] as number, pair[1] as number)
}

export function toId(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

export function functionId(name: string, file: string, module: string): bigint {
  return hash64(Buffer.from(`${name}\0${file}\0${module}`))
}

/** `functionIds` root first, as the store keeps them. */
export function stackId(functionIds: readonly bigint[]): bigint {
  return hash64(new Uint8Array(BigUint64Array.from(functionIds).buffer))
}

export function seriesId(labels: Labels): bigint {
  const text = Object.keys(labels)
    .sort()
    .map((name) => `${name}\0${labels[name]}\0`)
    .join('')
  return hash64(Buffer.from(text))
}
