import { findFaults, untilSettled } from '../fixtures/kafka/check-once.ts'
import { startFleet } from '../fixtures/kafka/fleet.ts'
import { playRounds } from '../fixtures/kafka/kill-rounds.ts'
import type { Measurement } from './measurement.ts'

export const name = 'kafka-kills'

const ROUNDS = 200
const DAY_MS = 86_400_000

/** The long form of tests/integration/kafka-kills.test.ts: another seed each time, which is printed. */
export async function run(): Promise<readonly Measurement[]> {
  const seed = String(Date.now())
  process.stderr.write(`kafka-kills: seed ${seed}, ${ROUNDS} rounds\n`)
  await using fleet = await startFleet({ partitions: 3 })
  const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS
  const onRound = (round: number, fault: string) =>
    void process.stderr.write(`kafka-kills: ${round} ${fault}\n`)
  const { outcome, stop } = await playRounds({ fleet, rounds: ROUNDS, seed, startMs, onRound })
  await untilSettled(fleet, 600_000)
  await stop()
  const faults = await findFaults(fleet, outcome, startMs)
  for (const fault of faults) process.stderr.write(`kafka-kills: ${fault}\n`)
  const batches = outcome.acknowledged.reduce((sum, last) => sum + last, 0)
  return [
    {
      what: `lost, doubled or wrong of ${batches} batches in ${ROUNDS} rounds of kills through Kafka`,
      value: faults.length,
      unit: 'faults',
      target: { atMost: 0 },
    },
  ]
}
