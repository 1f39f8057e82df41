/**
 * One partition while this process owns it: in one generation of the group, which the broker ends when
 * members come or go, or when it has not heard of this one for too long.
 */
export type Tenure = {
  readonly partition: number
  /** Aborted when the generation ends: the partition may be somebody else's from then on. */
  readonly signal: AbortSignal
  /**
   * Commits the offset up to which all is done, with what is begun there. Rejects with `TenureOver` when
   * the broker has given the partition to another generation. After any other error it may have been
   * committed or not: commit the same again.
   */
  commit(offset: bigint, metadata: string): Promise<void>
}

/** The partition is not this process's any more: whatever was under way is the next owner's. */
export class TenureOver extends Error {
  constructor() {
    super('the partition has a new owner')
    this.name = 'TenureOver'
  }
}
