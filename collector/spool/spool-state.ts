import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Account } from '../../infra/contract/account.ts'
import { addAccounts } from '../../infra/contract/account.ts'
import { writeDurably } from './durable-file.ts'

/** Samples that were lost and that no batch has told of yet. */
export type Loss = {
  /** From 1, never used again. */
  readonly id: number
  readonly account: Account
  /** Files whose batch is counted here and that may still exist. */
  readonly files: readonly string[]
}

export type SpoolState = {
  /** UUID. */
  readonly collector: string
  /** Unix ms. */
  readonly epoch: number
  /** The last one given. */
  readonly sequence: number
  readonly lastLossId: number
  readonly loss: Loss | null
  /** Files whose parts, written beside, take their place; to be finished after a kill. */
  readonly parts: readonly string[]
}

export function newState(now: number): SpoolState {
  return { collector: randomUUID(), epoch: now, sequence: 0, lastLossId: 0, loss: null, parts: [] }
}

/** Null when there is none, or it cannot be used. */
export async function readState(path: string): Promise<SpoolState | null> {
  try {
    const state = JSON.parse(await readFile(path, 'utf8')) as Partial<SpoolState>
    const { collector, epoch, sequence, lastLossId, loss = null, parts = [] } = state
    if (typeof collector !== 'string' || !isInteger(epoch) || !isInteger(sequence)) return null
    return isInteger(lastLossId) ? { collector, epoch, sequence, lastLossId, loss, parts } : null
  } catch {
    return null
  }
}

export async function writeState(path: string, state: SpoolState): Promise<void> {
  await writeDurably(path, [Buffer.from(JSON.stringify(state))])
}

/** `account` is already counted as dropped. `file` is that of the lost batch, if it had one. */
export function addLoss(state: SpoolState, account: Account, file?: string): SpoolState {
  const { loss } = state
  const lastLossId = state.lastLossId + (loss ? 0 : 1)
  return {
    ...state,
    lastLossId,
    loss: {
      id: lastLossId,
      account: loss ? addAccounts(loss.account, account) : account,
      files: [...(loss?.files ?? []), ...(file ? [file] : [])],
    },
  }
}

export function forgetFile(state: SpoolState, file: string): SpoolState {
  const { loss } = state
  if (!loss) return state
  return { ...state, loss: { ...loss, files: loss.files.filter((name) => name !== file) } }
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
