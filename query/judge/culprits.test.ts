import { describe, expect, test } from 'vitest'
import { CallChanges } from './call-changes.ts'
import { findCulprits } from './culprits.ts'
import { findShift } from './shifts.ts'

// Stacks as text: `main;handler;encode 10 14` is a baseline of 10 and a candidate of 14 percent.
function comparison(text: string) {
  const names: string[] = []
  const number = (name: string) => {
    if (!names.includes(name)) names.push(name)
    return names.indexOf(name)
  }
  const stacks = text
    .trim()
    .split('\n')
    .map((line) => {
      const [frames, baseline, candidate] = line.trim().split(' ') as [string, string, string]
      return {
        frames: frames.split(';').map(number),
        baseline: Number(baseline) / 100,
        candidate: Number(candidate) / 100,
      }
    })
  const changes = new CallChanges(stacks)
  return {
    changes,
    number,
    groups: (cum: string, flat = '') => {
      const flagged = new Set([...cum.split(' '), ...flat.split(' ')].filter((name) => name !== ''))
      const groups = findCulprits(
        changes,
        [...flagged].map((name) => ({
          fn: number(name),
          byCum: cum.split(' ').includes(name),
          byFlat: flat.split(' ').includes(name),
        })),
        0.0005,
      )
      return Object.fromEntries(
        groups.map(({ culprit, members }) => [
          names[culprit],
          members.map((fn) => names[fn]).join(' '),
        ]),
      )
    },
    shift: (name: string, half = 0.001) => {
      const found = findShift(changes, number(name), () => half)
      return found && [found.kind, ...(found.from === undefined ? [] : [names[found.from]])]
    },
  }
}

describe('what is to blame', () => {
  test('is the leaf that got slower, not those that call it', () => {
    const { groups } = comparison(`
      main;handler;encode 10 14
      main;handler;parse 20 19
      main;idle 70 67`)
    expect(groups('handler encode', 'encode')).toEqual({ encode: 'handler encode' })
  })

  test('is the function that is called more, not each thing it calls', () => {
    const { groups } = comparison(`
      main;handler;render;layout 10 13
      main;handler;render;paint 10 13
      main;handler;render;text 10 13
      main;handler;parse 20 19
      main;idle 50 42`)
    expect(groups('handler render layout paint text', 'layout paint text')).toEqual({
      render: 'handler render layout paint text',
    })
  })

  test('is each of two that got slower under one caller', () => {
    const { groups } = comparison(`
      main;handler;encode 5 8
      main;handler;hash 5 8
      main;handler;parse 20 20
      main;handler;send 20 20
      main;idle 50 44`)
    expect(groups('handler encode hash', 'encode hash')).toEqual({
      encode: 'handler encode',
      hash: 'handler hash',
    })
  })

  test('is the function itself where only its own cost rose and its calls cost less', () => {
    const { groups } = comparison(`
      main;work 2 6
      main;work;lookup 10 6
      main;idle 88 88`)
    expect(groups('', 'work')).toEqual({ work: 'work' })
  })

  test('is the function that does all of it worse, with the part of it that stands out', () => {
    const { groups } = comparison(`
      main;parse 1 3
      main;parse;scan 1 3
      main;parse;build;read 4 9.5
      main;idle 94 84.5`)
    expect(groups('parse build read', 'parse scan read')).toEqual({
      parse: 'parse scan build read',
    })
  })

  test('is found once in a recursion', () => {
    const { groups } = comparison(`
      main;walk;walk;walk;visit 10 15
      main;walk;visit 10 15
      main;idle 80 70`)
    expect(groups('walk visit', 'visit')).toEqual({ visit: 'walk visit' })
  })
})

describe('cost that only moved', () => {
  test('to another name is a rename', () => {
    const { shift } = comparison(`
      main;encode 10 0
      main;encodeV2 0 10.4
      main;idle 90 89.6`)
    expect(shift('encodeV2')).toEqual(['rename', 'encode'])
  })

  test('under a new function that does nothing itself is a wrapper', () => {
    const { shift } = comparison(`
      main;query 30 0
      main;traced;query 0 30.2
      main;traced 0 0.3
      main;idle 70 69.5`)
    expect(shift('traced')).toEqual(['wrapper'])
  })

  test('from a callee into its caller is a move within the caller', () => {
    const { shift } = comparison(`
      main;work 2 12
      main;work;helper 10 0.2
      main;idle 88 87.8`)
    expect(shift('work')).toEqual(['moved', 'work'])
  })

  test('from one sibling to another is a move within their caller', () => {
    const { shift } = comparison(`
      main;io;readOld 12 4
      main;io;readNew 3 11
      main;idle 85 85`)
    expect(shift('readNew')).toEqual(['moved', 'io'])
  })

  test('is not claimed where the caller may well have risen', () => {
    const { shift } = comparison(`
      main;io;readOld 12 4
      main;io;readNew 3 11
      main;idle 85 85`)
    expect(shift('readNew', 0.06)).toBeUndefined()
  })

  test('is not claimed where the whole got dearer', () => {
    const { shift } = comparison(`
      main;handler;encode 10 14
      main;handler;parse 20 19.5
      main;idle 70 66.5`)
    expect(shift('encode')).toBeUndefined()
  })
})

test('the path to a function is the one on which most was gained', () => {
  const { changes, number } = comparison(`
    main;a;encode 10 11
    main;b;encode 10 15
    main;idle 80 74`)
  expect(changes.pathOf(number('encode'))).toEqual(['main', 'b', 'encode'].map(number))
})
