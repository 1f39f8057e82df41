import { describe, expect, it } from 'vitest'
import { parseCallTree, sumWeights } from './call-tree.ts'

describe('parseCallTree', () => {
  it('reads one stack per frame that has time of its own', () => {
    const stacks = parseCallTree(`
main  @server  main.c
  work  3
    read  1.5  @libc.so.6
  sleep  2
`)
    const main = { name: 'main', file: 'main.c', module: 'server' }
    const work = { name: 'work', file: 'main.c', module: 'server' }
    expect(stacks).toEqual([
      { frames: [main, work], weight: 3 },
      { frames: [main, work, { name: 'read', file: '', module: 'libc.so.6' }], weight: 1.5 },
      { frames: [main, { name: 'sleep', file: 'main.c', module: 'server' }], weight: 2 },
    ])
  })

  it('puts in a tree by its name, scaled to the time given', () => {
    const kernel = parseCallTree('syscall  1  @kernel\n  copy  3')
    const stacks = parseCallTree('read  @libc\n  +copy  8', { copy: kernel })
    expect(
      stacks.map(({ frames, weight }) => [frames.map((f) => f.name).join(';'), weight]),
    ).toEqual([
      ['read;syscall', 2],
      ['read;syscall;copy', 6],
    ])
    expect(sumWeights(stacks)).toBe(8)
  })

  it.each([
    ['a  1\n    b  1', /a callee without a caller/],
    ['a  1\n b  1', /an odd indent/],
    ['a  1x', /not a time/],
    ['+nothing  1', /no tree to put in/],
  ])('refuses %j', (text, message) => {
    expect(() => parseCallTree(text)).toThrow(message)
  })
})
