import { describe, expect, test } from 'vitest'
import { chooseDesign } from './choose-design.ts'

// One line a host, one letter a step: `a` runs the baseline, `b` the candidate, `x` both, `.` nothing.
function presence(text: string) {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.trim())
  const clusters = new Map(
    rows.map((row, i) => {
      const flags = (letters: string) =>
        Uint8Array.from(row, (letter) => (letters.includes(letter) ? 1 : 0))
      return [`host-${i}`, { baseline: flags('ax'), candidate: flags('bx') }]
    }),
  )
  return { steps: rows[0]?.length ?? 0, clusters }
}

const choose = (text: string, warmUp = 0) => chooseDesign(presence(text), warmUp)

describe('the design', () => {
  test('is a difference in differences where hosts of both arms have a history', () => {
    const design = choose(`
      aaaaaaaa
      aaaaaaaa
      aaaabbbb
      aaaabbbb`)
    expect(design).toEqual({
      name: 'did',
      window: { from: 4, to: 8 },
      before: { from: 0, to: 4 },
      canary: ['host-2', 'host-3'],
      control: ['host-0', 'host-1'],
    })
  })

  test('leaves hosts without a history out of a difference in differences', () => {
    const design = choose(`
      aaaaaaaa
      aaaaaaaa
      ....aaaa
      aaaabbbb
      aaaabbbb
      ....bbbb`)
    expect(design).toMatchObject({
      canary: ['host-3', 'host-4'],
      control: ['host-0', 'host-1'],
    })
  })

  test('is a canary where the candidate runs on new hosts', () => {
    const design = choose(`
      aaaaaaaa
      aaaaaaaa
      ....bbbb
      ....bbbb`)
    expect(design).toEqual({ name: 'canary', window: { from: 4, to: 8 }, byHour: false })
  })

  test('is hour by hour where the hosts change over one after another', () => {
    const design = choose(`
      aabbbbbb
      aaaabbbb
      aaaaaabb
      aaaaaaab`)
    expect(design).toMatchObject({ name: 'canary', byHour: true })
  })

  test('is hour by hour also where the last hosts have not changed over yet', () => {
    const design = choose(`
      aaabbbbb
      aaaabbbb
      aaaaabbb
      aaaaaabb
      aaaaaaaa
      aaaaaaaa`)
    expect(design).toMatchObject({ name: 'canary', byHour: true })
  })

  test('is paired where both run on the same hosts at the same time', () => {
    const design = choose(`
      aaaaxxxx
      aaaaxxxx
      ....aaaa`)
    expect(design).toEqual({ name: 'paired', window: { from: 4, to: 8 } })
  })

  test('takes no host for a pair because it changed over within a step', () => {
    const design = choose(`
      aaaxbbbb
      aaaxbbbb
      aaaaaaaa
      aaaaaaaa`)
    expect(design?.name).toBe('did')
  })

  test('never compares hosts before with the same hosts after', () => {
    const design = choose(`
      aaaabbbb
      aaaabbbb
      aaaabbbb`)
    expect(design).toEqual({ name: 'days', window: { from: 4, to: 8 } })
  })

  test('leaves the first steps of the candidate out where enough follow', () => {
    const text = `
      aaaaaaaaaaaa
      aaaaaaaaaaaa
      ...bbbbbbbbb
      ...bbbbbbbbb`
    expect(choose(text, 2)?.window).toEqual({ from: 5, to: 12 })
    expect(choose(text, 4)?.window).toEqual({ from: 3, to: 12 })
  })

  test('is none where the candidate did not run', () => {
    expect(choose('aaaa')).toBeUndefined()
    expect(chooseDesign({ steps: 0, clusters: new Map() }, 1)).toBeUndefined()
  })
})
