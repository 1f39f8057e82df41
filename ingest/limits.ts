/**
 * What one profile may hold. Counts are held to these while they are counted, before anything is
 * built from them: a megabyte of empty messages is a kilobyte of gzip.
 */
export type ProfileLimits = {
  /** Of the pprof, inflated. */
  readonly inflatedBytes: number
  readonly samples: number
  readonly sampleTypes: number
  readonly locations: number
  /** Of all locations together: inlined functions make several of one. */
  readonly lines: number
  readonly functions: number
  readonly mappings: number
  readonly strings: number
  readonly labelsPerSample: number
  /** Distinct label sets in one profile. */
  readonly series: number
  /** Names and values of the distinct label sets together. */
  readonly labelBytes: number
  /** Frames kept of a stack, the leaf-most ones; deeper stacks get a `[truncated]` root. */
  readonly depth: number
  /** Frames of all samples together: what is hashed, whatever is distinct. */
  readonly frames: number
  /** Longer names and files are cut, at a character, and end in `…`. */
  readonly nameBytes: number
  /** Names, files and modules of all functions together. */
  readonly functionBytes: number
  /** (series, sample type) rows and (stack, value) pairs: what goes into one insert. */
  readonly rows: number
  readonly pairs: number
}

// A host batch of 6,000 samples a second and 10 s has 60,000 samples at most; Pyroscope's limit is
// 16,000. Rows and pairs are what the store takes as one block.
export const PROFILE_LIMITS: ProfileLimits = {
  inflatedBytes: 64 * 1024 * 1024,
  samples: 200_000,
  sampleTypes: 32,
  locations: 500_000,
  lines: 1_000_000,
  functions: 500_000,
  mappings: 65_536,
  strings: 1_000_000,
  labelsPerSample: 100,
  series: 5_000,
  labelBytes: 4 * 1024 * 1024,
  depth: 1_000,
  frames: 16_000_000,
  nameBytes: 65_535,
  functionBytes: 64 * 1024 * 1024,
  rows: 10_000,
  pairs: 1_000_000,
}
