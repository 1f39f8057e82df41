// https://www.rfc-editor.org/rfc/rfc3492#section-6.2 (node:punycode is deprecated)

const BASE = 36
const T_MIN = 1
const T_MAX = 26
const SKEW = 38
const DAMP = 700

/** `basic-deltas` or `deltas`; null when it is no Punycode. */
export function decodePunycode(text: string): string | null {
  const dash = text.lastIndexOf('-')
  const points = Array.from(text.slice(0, Math.max(0, dash)), (c) => c.charCodeAt(0))
  let point = 128
  let at = 0
  let bias = 72
  for (let i = dash + 1; i < text.length; ) {
    const before = at
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = digitOf(text.charCodeAt(i))
      i++
      if (!(digit >= 0 && digit < BASE)) return null
      at += digit * weight
      const threshold = Math.min(T_MAX, Math.max(T_MIN, k - bias))
      if (digit < threshold) break
      weight *= BASE - threshold
      if (at > 2 ** 31 || weight > 2 ** 31) return null
    }
    const length = points.length + 1
    bias = adapt(at - before, length, before === 0)
    point += Math.floor(at / length)
    if (point > 0x10ffff) return null
    at %= length
    points.splice(at++, 0, point)
  }
  return String.fromCodePoint(...points)
}

function adapt(delta: number, length: number, first: boolean): number {
  let rest = Math.floor(delta / (first ? DAMP : 2))
  rest += Math.floor(rest / length)
  let k = 0
  for (; rest > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) rest = Math.floor(rest / (BASE - T_MIN))
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW))
}

// a to z are 0 to 25, 0 to 9 are 26 to 35.
function digitOf(code: number): number {
  return code >= 0x30 && code <= 0x39 ? code - 0x30 + 26 : (code | 0x20) - 0x61
}
