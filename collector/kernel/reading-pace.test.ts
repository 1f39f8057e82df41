import { expect, test } from 'vitest'
import { mapSizes } from './map-sizes.ts'
import { ReadingPace } from './reading-pace.ts'

test('without sources beside the CPU clock it is that of the clock', () => {
  const pace = new ReadingPace(mapSizes(2, 99))
  pace.note(0)
  expect(pace.everyMs).toBe(mapSizes(2, 99).readEveryMs)
})

test('maps are read the more often the fuller they get, within bounds', () => {
  const sizes = mapSizes(2, 99, 1)
  const pace = new ReadingPace(sizes)
  expect(pace.everyMs).toBe(1000)
  pace.note(sizes.besideEntries)
  expect(pace.everyMs).toBe(500)
  pace.note(sizes.besideEntries / 4)
  expect(pace.everyMs).toBe(500)
  for (let i = 0; i < 10; i++) pace.note(sizes.besideEntries)
  expect(pace.everyMs).toBe(100)
  for (let i = 0; i < 10; i++) pace.note(10)
  expect(pace.everyMs).toBe(sizes.readEveryMs)
})
