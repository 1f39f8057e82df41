import type { Labels } from '../infra/contract/labels.ts'
import type { ProfileType } from '../infra/contract/profile.ts'
import { formatProfileType, nameProfile } from '../infra/contract/profile.ts'
import type { ScannedProfile } from './pprof/profile.ts'

/** A profile with everything the store keys it by: what every door hands to the writer. */
export type LabelledProfile = {
  readonly tenant: string
  readonly profile: ScannedProfile
  /** By the index of `profile.series`; checked, with service, version and host. */
  readonly series: readonly Labels[]
  /** Unix ms of its start. */
  readonly timeMs: number
  readonly durationMs: number
  /** Where it stood in the topic; absent for what came by another door. */
  readonly position?: { readonly partition: number; readonly offset: bigint }
}

/** The profile type of each sample type. */
export function profileTypes({ sampleTypes, periodType }: ScannedProfile): ProfileType[] {
  const name = nameProfile(sampleTypes.map(({ type }) => type))
  return sampleTypes.map((sampleType) => formatProfileType(name, sampleType, periodType))
}
