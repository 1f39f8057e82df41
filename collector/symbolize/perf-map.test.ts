import { expect, test } from 'vitest'
import { addLines, findInPerfMap } from './perf-map.ts'

/** The name at an address by the lines of a map that was written in parts; '-' when there is none. */
function mapOf(...parts: string[]): (address: number) => string {
  const text = parts.join('')
  let ranges = addLines(NONE, Buffer.alloc(0), 0)
  let at = 0
  for (const part of parts) {
    ranges = addLines(ranges, Buffer.from(part), at)
    at += Buffer.byteLength(part)
  }
  const map = { device: 0n, inode: 0n, identity: '', readBytes: at, ranges }
  return (address) => {
    const position = findInPerfMap(map, address)
    return position === null ? '-' : (text.slice(position).split('\n')[0] as string)
  }
}

const NONE = {
  starts: new Float64Array(0),
  ends: new Float64Array(0),
  rows: new Uint32Array(0),
}

test('a line names its range and no more; a name may hold spaces', () => {
  const at = mapOf('1000 20 JS:*get a /x.js:1\n2000 10 b\n')
  expect([0xfff, 0x1000, 0x101f, 0x1020, 0x2005].map(at)).toEqual([
    '-',
    'JS:*get a /x.js:1',
    'JS:*get a /x.js:1',
    '-',
    'b',
  ])
})

test('a later line wins where it overlaps an earlier one', () => {
  const at = mapOf('1000 100 old\n1040 10 new\n2000 10 small\n1ff0 40 big\n')
  expect([0x1000, 0x1044, 0x1060, 0x2004].map(at)).toEqual(['old', 'new', 'old', 'big'])
})

test('what was added to a file lies over what was known', () => {
  const at = mapOf('1000 100 old\n3000 10 stays\n', '1000 40 new\n')
  expect([0x1010, 0x1050, 0x3000].map(at)).toEqual(['new', 'old', 'stays'])
})

test('addresses with and without 0x, in either case, above 32 bits', () => {
  const at = mapOf('0x7F00AABBCC00 0x10 a\n7f00aabbcd00 10 b\n')
  expect([0x7f00aabbcc08, 0x7f00aabbcd08].map(at)).toEqual(['a', 'b'])
})

test.each([
  'nonsense\n',
  '1000\n',
  '1000 20\n',
  '1000 20 \n',
  '1000 0 empty\n',
  ' 1000 20 x\n',
  '1000  20 x\n',
  'ffffffffffffffffffff 10 x\n',
  '-1 10 x\n',
  '\0\0\0\n',
  '\n\n\n',
])('a line that says nothing is left out: %j', (line) => {
  expect(mapOf(line, '2000 10 good\n')(0x2000)).toBe('good')
  expect(mapOf(line)(0x1000)).toBe('-')
})

test('of endless lines the last ones count', () => {
  const many = '1000 10 old\n'.repeat(300_000)
  const at = mapOf(`2000 10 first\n${many}3000 10 last\n`)
  expect([0x1000, 0x2000, 0x3000].map(at)).toEqual(['old', '-', 'last'])
})

test('random bytes give ranges in order that do not overlap', () => {
  let seed = 5
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.alloc(400)
    for (let i = 0; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      bytes[i] = '0123456789abcdefx \n\0'.charCodeAt((seed >>> 16) % 20)
    }
    const { starts, ends } = addLines(NONE, bytes, 0)
    for (const [i, start] of starts.entries()) {
      expect(start).toBeLessThan(ends[i] as number)
      if (i > 0) expect(start).toBeGreaterThanOrEqual(ends[i - 1] as number)
    }
  }
})
