import { CPU_TYPE } from '../../infra/contract/profile.ts'
import type { Sql } from '../../infra/store/sql.ts'
import { sql } from '../../infra/store/sql.ts'
import type { TimeRange } from '../time.ts'

// Cores are a mean over the time that profiles really cover, not over the time asked for: a fresh
// install would else show next to none.

/** What somebody used of the CPU, and which time its profiles cover. */
export type CpuUse = {
  readonly cpuNs: number
  /** Start of the first window and end of the last, unix ms; 0 where there are no CPU profiles. */
  readonly firstMs: number
  readonly lastMs: number
  /** The longest window. */
  readonly windowMs: number
}

/** Columns of a statement over rows with `type`, `t` = sum, `first`, `last` and `longest` window. */
export const CPU_USE: Sql = sql`sumIf(t, type = ${CPU_TYPE}) AS cpuNs,
  toUnixTimestamp(minIf(first, type = ${CPU_TYPE})) * 1000 AS cpuFirstMs,
  maxIf(last, type = ${CPU_TYPE}) AS cpuLastMs, maxIf(longest, type = ${CPU_TYPE}) AS cpuWindowMs`

/** Columns of the rows that `CPU_USE` is over, from `profiles`. */
export const WINDOWS: Sql = sql`sum(toFloat64(total)) AS t, min(time) AS first,
  max(toUnixTimestamp(time) * 1000 + duration_ms) AS last, max(duration_ms) AS longest`

export function readCpuUse(row: Readonly<Record<string, string | number>>): CpuUse {
  return {
    cpuNs: Number(row['cpuNs']),
    firstMs: Number(row['cpuFirstMs']),
    lastMs: Number(row['cpuLastMs']),
    windowMs: Number(row['cpuWindowMs']),
  }
}

/**
 * From the first window that starts in the range to the end of the last; no longer than the range,
 * so it may end a window after it, save for a range shorter than a window. Null where there are no
 * CPU profiles.
 */
export function coverageOf(range: TimeRange, uses: readonly CpuUse[]): TimeRange | null {
  const used = uses.filter(({ lastMs }) => lastMs > 0)
  if (used.length === 0) return null
  const fromMs = used.reduce((least, { firstMs }) => Math.min(least, firstMs), Infinity)
  const lastMs = used.reduce((most, use) => Math.max(most, use.lastMs), 0)
  const mostMs = Math.max(range.toMs - range.fromMs, usualWindow(uses))
  return { fromMs, toMs: Math.min(lastMs, fromMs + mostMs) }
}

/** Whole seconds. Of who has the shortest: the profile of a day that somebody pushed is not usual. */
export function usualWindow(uses: readonly CpuUse[]): number {
  const windows = uses.filter(({ lastMs }) => lastMs > 0).map(({ windowMs }) => windowMs)
  return Math.max(1, Math.round(Math.min(...windows) / 1000)) * 1000
}

/** Mean cores over the covered time, at least over one window. */
export function meanCores({ cpuNs, windowMs }: CpuUse, covered: TimeRange | null): number {
  const ms = covered === null ? 0 : Math.max(covered.toMs - covered.fromMs, windowMs)
  return ms > 0 ? cpuNs / (ms * NS_PER_MS) : 0
}

export const NS_PER_MS = 1e6
