import { CPU_TYPE } from '../../infra/contract/profile.ts'
import { sql } from '../../infra/store/sql.ts'
import type { TimeRange } from '../time.ts'
import { chooseStep } from '../time.ts'
import type { CpuUse } from './coverage.ts'
import { NS_PER_MS, usualWindow } from './coverage.ts'
import type { Reader } from './reader.ts'
import { profilesWhere } from './scope.ts'

const POINTS = 60

export type Sparklines = {
  readonly stepMs: number
  /** Of a service: cores per step from the start of the covered time. */
  of(service: string): number[]
}

/**
 * Whole steps of the covered time only, as nobody may take the edge of what is known for a drop: the
 * last window is left out, which some hosts may not have sent yet. A window that lies in several
 * steps is spread over them by time.
 */
export async function readSparklines(
  reader: Reader,
  range: TimeRange,
  covered: TimeRange | null,
  uses: readonly CpuUse[],
): Promise<Sparklines> {
  if (covered === null) return { stepMs: chooseStep(range, POINTS), of: () => [] }
  const usualMs = usualWindow(uses)
  const coveredMs = covered.toMs - covered.fromMs
  const stepMs = Math.max(chooseStep(covered, POINTS), usualMs)
  const steps = Math.max(1, Math.floor((coveredMs - usualMs) / stepMs))
  // The only step may be longer than what is covered.
  const lengthNs = Math.min(stepMs, coveredMs) * NS_PER_MS
  const from = covered.fromMs / 1000
  const step = stepMs / 1000
  // What ran on from before the range covers a part of the first step.
  const read = { fromMs: Math.max(0, covered.fromMs - usualMs), toMs: covered.toMs }
  const rows = await reader.rows<{ service: string; i: string; ns: number }>(sql`
    SELECT service, i, sum(ns / seconds * greatest(0, least(at + seconds, ${from} + (i + 1) * ${step})
      - greatest(at, ${from} + i * ${step}))) AS ns
    FROM (
      SELECT service, toInt64(toUnixTimestamp(time)) AS at,
        greatest(1, toInt64(round(duration_ms / 1000))) AS seconds, sum(toFloat64(total)) AS ns
      FROM profiles
      WHERE ${profilesWhere(reader.tenant, { selector: [], range: read, type: CPU_TYPE })}
      GROUP BY service, at, seconds
    )
    ARRAY JOIN range(toUInt64(greatest(0, intDiv(at - ${from}, ${step}))),
      toUInt64(greatest(0, least(${steps}, intDiv(at + seconds - 1 - ${from}, ${step}) + 1)))) AS i
    GROUP BY service, i`)
  const lines = new Map<string, number[]>()
  const zeros = () => new Array<number>(steps).fill(0)
  for (const { service, i, ns } of rows) {
    const line = lines.get(service) ?? zeros()
    lines.set(service, line)
    line[Number(i)] = ns / lengthNs
  }
  return { stepMs, of: (service) => lines.get(service) ?? zeros() }
}
