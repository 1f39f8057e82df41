import { expect, test } from 'vitest'
import { callTreeOf, foldedOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import { formatFolded } from './folded.ts'

test('stacks are written root first with the value of each side', () => {
  const tree = callTreeOf(stacksOf('main;read file 10 0\nmain 5 7\n 1 0'), 2)
  expect(foldedOf(tree)).toBe('[no frames] 1 0\nmain 5 7\nmain;read file 10 0\n')
})

test('what would break a line or a stack in a name is replaced', () => {
  const tree = callTreeOf([{ frames: ['Lfoo;bar', 'a\r\nb'], values: [3n] }], 1)
  expect(foldedOf(tree)).toBe('Lfoo:bar;a b 3\n')
})

test('chunks are whole lines', () => {
  const stacks = Array.from({ length: 20_000 }, (_, i) => ({ frames: [`f${i}`], values: [1n] }))
  const chunks = [...formatFolded(callTreeOf(stacks, 1))]
  expect(chunks.length).toBeGreaterThan(2)
  expect(chunks.every((chunk) => chunk.endsWith(' 1\n'))).toBe(true)
  expect(chunks.join('').split('\n')).toHaveLength(20_001)
})

test('values beyond 2^53 are whole', () => {
  const tree = callTreeOf([{ frames: ['main'], values: [2n ** 60n + 1n] }], 1, true)
  expect(foldedOf(tree)).toBe('main 1152921504606846977\n')
})
