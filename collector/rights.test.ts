import { describe, expect, test } from 'vitest'
import { explainMissing, grantLine, missingRights, RIGHTS, showsKernelAddresses } from './rights.ts'

const statusOf = (...bits: number[]) => {
  const effective = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
  return `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective.toString(16).padStart(16, '0')}\n`
}
const namesOf = (status: string) => missingRights(status).map(({ capability }) => capability)
const ALL = RIGHTS.map(({ bit }) => bit)

describe('rights of a process', () => {
  test('nothing is missing with exactly the six', () => {
    expect(namesOf(statusOf(...ALL))).toEqual([])
  })

  test('each one that is not held is named with what is lost', () => {
    for (const right of RIGHTS) {
      const status = statusOf(...ALL.filter((bit) => bit !== right.bit))
      expect(missingRights(status)).toEqual([right])
    }
    const [syslog] = missingRights(statusOf(...ALL.filter((bit) => bit !== 34)))
    expect(syslog && explainMissing(syslog)).toBe(
      'CAP_SYSLOG is missing: kernel functions have no names.',
    )
  })

  test('wider capabilities stand for narrow ones, but none stands for ptrace', () => {
    expect(namesOf(statusOf(1, 21))).toEqual(['CAP_SYS_PTRACE'])
  })

  test('a process without any, or a text without the line, misses all', () => {
    expect(namesOf(statusOf())).toHaveLength(RIGHTS.length)
    expect(namesOf('Name:\tnode\n')).toHaveLength(RIGHTS.length)
  })

  test('the line to type grants every one', () => {
    for (const { capability } of RIGHTS)
      expect(grantLine()).toContain(`+${capability.slice(4).toLowerCase()}`)
  })
})

test('kernel addresses are shown where any is not zero', () => {
  expect(showsKernelAddresses('ffffffff81000000 T startup_64\n')).toBe(true)
  const hidden = '0000000000000000 A fixed_percpu_data\n0000000000000000 T _text\n'
  expect(showsKernelAddresses(hidden)).toBe(false)
  expect(showsKernelAddresses('')).toBe(false)
})
