import type { Thresholds } from '../judge/decide.ts'
import type { Selector } from '../selector.ts'
import type { TimeRange } from '../time.ts'

export type DesignName = 'did' | 'canary' | 'paired' | 'days'

/** What is asked: is the candidate version of a service dearer than the baseline? */
export type Question = {
  readonly service: string
  readonly type: string
  readonly baseline: string
  readonly candidate: string
  readonly range: TimeRange
  /** The label whose values are the replicates. */
  readonly clusterBy: string
  /** Null: the strongest there is data for. */
  readonly design: DesignName | null
  readonly normalize: 'share' | 'reference'
  readonly thresholds: Thresholds
  /** Effective replicates that each arm has to have for a verdict. */
  readonly minHosts: number
}

export function versionSelector(service: string, version?: string): Selector {
  const named = { name: 'service', operator: '=', value: service } as const
  if (version === undefined) return [named]
  return [named, { name: 'version', operator: '=', value: version }]
}
