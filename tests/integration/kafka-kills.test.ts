import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFaults, untilSettled } from '../fixtures/kafka/check-once.ts'
import { type Fleet, startFleet } from '../fixtures/kafka/fleet.ts'
import { playRounds } from '../fixtures/kafka/kill-rounds.ts'

// Each kind of fault once; `npm run bench -- kafka-kills` plays hundreds.
const ROUNDS = Number(process.env['FLAMEWATCH_KAFKA_ROUNDS'] ?? 12)
const SEED = process.env['FLAMEWATCH_KAFKA_SEED'] ?? '1'
const DAY_MS = 86_400_000

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({ partitions: 3 })
})
afterAll(() => fleet[Symbol.asyncDispose]())

test('what the broker acknowledged is stored once, whatever is killed, stopped or cut', async () => {
  const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS
  const { outcome, stop } = await playRounds({ fleet, rounds: ROUNDS, seed: SEED, startMs })
  try {
    await untilSettled(fleet, 120_000)
  } finally {
    await stop()
  }
  expect(await findFaults(fleet, outcome, startMs)).toEqual([])
}, 3_600_000)
