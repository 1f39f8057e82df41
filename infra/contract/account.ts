// The account of samples: taken = idle + filtered + kept + every drop. Kept samples are in the graph. A sample
// whose stack was lost is kept under a placeholder frame and counted in `faults` besides.

// Every place that can lose a sample names one of these. Ids below 16 equal `enum drop_reason` in
// bpf/sample.h (tests/contract compares them). Ids are never reused; retired ones stay.
export const DROP_REASONS = {
  counts_full: { id: 1, text: 'the table of counts took no further stack in this window' },
  recursion: { id: 2, text: 'the sampling program was already running on that CPU' },
  wait_memory: { id: 3, text: 'the kernel had no memory to note when a thread began to wait' },
  drain_error: { id: 16, text: 'the kernel maps of a window could not be read' },
  spool_full: { id: 17, text: 'the oldest unsent batches made room in the spool' },
  spool_error: { id: 18, text: 'a batch could not be written to or read from the spool' },
  batch_too_large: { id: 19, text: 'a batch was over the size limit and could not be split' },
  refused: { id: 20, text: 'the server refused the batch as malformed' },
  expired: { id: 21, text: 'the batch was older than the server accepts' },
} as const satisfies Record<string, { id: number; text: string }>

export type DropReason = keyof typeof DROP_REASONS

// Why a kept sample has no real stack.
export const STACK_FAULTS = {
  collision: 'both buckets of the stack map were taken and the overflow ring was full',
  memory: 'the stack map had no free element',
  no_user_stack: 'a user-space process whose user stack could not be read',
  other: 'another error of the kernel',
  broken: 'the stack does not reach the start of its thread',
} as const

export type StackFault = keyof typeof STACK_FAULTS

export type Account = {
  /** Samples the kernel took in the window, all CPUs. */
  readonly taken: number
  /** Samples of the idle task. */
  readonly idle: number
  /** Samples left out because the user asked so (--only-pid, …); absent: none. */
  readonly filtered?: number
  /** Samples in the batch. */
  readonly kept: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** Of the kept ones; `broken` counts user stacks only. */
  readonly faults: Readonly<Partial<Record<StackFault, number>>>
}

export const EMPTY_ACCOUNT: Account = { taken: 0, idle: 0, kept: 0, dropped: {}, faults: {} }

/** Samples that are in no column: 0 in a right account. */
export function unaccounted(account: Account): number {
  let sum = account.idle + (account.filtered ?? 0) + account.kept
  for (const n of Object.values(account.dropped)) sum += n
  return account.taken - sum
}

export function addAccounts(a: Account, b: Account): Account {
  return {
    taken: a.taken + b.taken,
    idle: a.idle + b.idle,
    ...filteredOf((a.filtered ?? 0) + (b.filtered ?? 0)),
    kept: a.kept + b.kept,
    dropped: addCounts(a.dropped, b.dropped),
    faults: addCounts(a.faults, b.faults),
  }
}

/** The account of a batch that was lost as a whole: what it kept is now dropped under `reason`. */
export function dropAccount(account: Account, reason: DropReason): Account {
  return {
    taken: account.taken,
    idle: account.idle,
    ...filteredOf(account.filtered ?? 0),
    kept: 0,
    dropped: addCounts(account.dropped, { [reason]: account.kept }),
    faults: {},
  }
}

/** As an account has it: none is not mentioned, as in accounts from before there were filters. */
export function filteredOf(samples: number): { filtered?: number } {
  return samples > 0 ? { filtered: samples } : {}
}

function addCounts<K extends string>(
  a: Readonly<Partial<Record<K, number>>>,
  b: Readonly<Partial<Record<K, number>>>,
): Partial<Record<K, number>> {
  const sum: Partial<Record<K, number>> = { ...a }
  for (const key of Object.keys(b) as K[]) {
    const n = (sum[key] ?? 0) + (b[key] ?? 0)
    if (n !== 0) sum[key] = n
  }
  return sum
}
