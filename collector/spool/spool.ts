import { mkdir, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account, DropReason } from '../../infra/contract/account.ts'
import { addAccounts, dropAccount, EMPTY_ACCOUNT } from '../../infra/contract/account.ts'
import type { BatchHeaders } from '../../infra/contract/batch.ts'
import { formatBatchHeaders, parseBatchHeaders } from '../../infra/contract/batch.ts'
import { errorMessage, FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Log } from '../../infra/runtime/log.ts'
import type { OutgoingBatch } from '../publisher.ts'
import { TEMPORARY, writeDurably } from './durable-file.ts'
import type { EntryHead } from './spool-entry.ts'
import { formatEntry, readEntry } from './spool-entry.ts'
import { lockSpool } from './spool-lock.ts'
import type { SpoolState } from './spool-state.ts'
import { addLoss, forgetFile, newState, readState, writeState } from './spool-state.ts'

export type SpoolOptions = {
  readonly directory: string
  /** Of all entries together. */
  readonly maxBytes: number
  readonly maxAgeMs: number
  readonly log: Log
  /** Called for every batch, or window without one, that is lost here. */
  readonly onDrop: (reason: DropReason, samples: number) => void
  /** Unix ms. */
  readonly now?: () => number
}

/** A batch without what the spool gives it. */
export type NewBatch = Omit<BatchHeaders, 'collector' | 'epoch' | 'sequence'> & {
  /** gzip pprof. */
  readonly body: Uint8Array
}

/** What takes the place of a batch that was too large: a piece of its samples. */
export type SpoolPart = Pick<NewBatch, 'account' | 'body'>

export type SpooledBatch = OutgoingBatch & {
  /** Name of its file. */
  readonly file: string
}

type Entry = { readonly file: string; readonly sizeBytes: number; readonly endMs: number }

const SUFFIX = '.batch'
const PART = '.part'
const STATE = 'state.json'
// Headers and notes of one entry, for the bound in bytes before they are known.
const HEAD_BYTES = 4096

/**
 * Batches on disk between the window they come from and the server's word that they are stored. It
 * outlives the process. What it must give up is counted in the account of the next batch.
 */
export class Spool {
  readonly #options: SpoolOptions
  readonly #now: () => number
  readonly #unlock: () => Promise<void>
  #state: SpoolState
  /** Oldest first. */
  #entries: Entry[] = []
  /** Being sent: not to be given up meanwhile, it may be stored already. */
  #held: string | null = null
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: SpoolOptions, state: SpoolState, unlock: () => Promise<void>) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#state = state
    this.#unlock = unlock
  }

  /** Throws `spool` when the directory cannot be used, or another process uses it. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory } = options
    let unlock: (() => Promise<void>) | undefined
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      unlock = await lockSpool(directory)
      const state = await readState(join(directory, STATE))
      const spool = new Spool(options, state ?? newState((options.now ?? Date.now)()), unlock)
      await spool.#recover()
      return spool
    } catch (error) {
      await unlock?.()
      if (error instanceof FlamewatchError) throw error
      throw new FlamewatchError(
        'spool',
        `Expected a writable spool directory, got ${directory}: ${errorMessage(error)}.`,
        { hint: 'Give a writable directory with --spool.', cause: error },
      )
    }
  }

  get collector(): string {
    return this.#state.collector
  }

  get batches(): number {
    return this.#entries.length
  }

  get bytes(): number {
    return this.#entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** End of the oldest window that waits, unix ms; null when none does. */
  get oldestMs(): number | null {
    return this.#entries[0]?.endMs ?? null
  }

  /** Gives the batch its sequence number and writes it. What does not fit or work is counted. */
  add(batch: NewBatch): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#giveUpOld()
        if (await this.#makeRoom(batch.body.length + HEAD_BYTES)) await this.#write(batch)
        else await this.#lose(batch.account, 'spool_full')
      } catch (err) {
        this.#options.log.error({ err }, 'write batch to spool')
        await this.#lose(batch.account, 'spool_error')
      }
    })
  }

  /** A window that never became a batch: what `account` has as kept is counted under `reason`. */
  lose(account: Account, reason: DropReason): Promise<void> {
    return this.#inTurn(() => this.#lose(account, reason))
  }

  /** The oldest batch, held until `remove`, `refuse` or `release`; null when there is none. */
  oldest(): Promise<SpooledBatch | null> {
    return this.#inTurn(async () => {
      await this.#giveUpOld()
      for (;;) {
        const [entry] = this.#entries
        if (!entry) return null
        const { head, body } = await this.#read(entry.file, 'body')
        if (head && body) {
          this.#held = entry.file
          return { file: entry.file, headers: head.headers, body }
        }
        this.#options.log.error({ file: entry.file }, 'spooled batch damaged')
        await this.#giveUp(entry, 'spool_error')
      }
    })
  }

  /** It is stored. */
  remove({ file }: SpooledBatch): Promise<void> {
    return this.#inTurn(async () => {
      this.#held = null
      await this.#unlink(file)
    })
  }

  /** It never will be stored. */
  refuse({ file }: SpooledBatch, reason: DropReason): Promise<void> {
    return this.#inTurn(async () => {
      this.#held = null
      const entry = this.#entries.find((entry) => entry.file === file)
      if (entry) await this.#giveUp(entry, reason)
    })
  }

  /**
   * It is too large for where it goes: the parts take its place, the first with its number, the others
   * with further ones. Nothing with that number was stored, so there is no gap and nothing twice; unless
   * the answer to an earlier attempt was lost and the limit lowered in between. Without room for the
   * parts it is given up and counted.
   */
  replace({ file }: SpooledBatch, parts: readonly SpoolPart[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#held = null
      const entry = this.#entries.find((entry) => entry.file === file)
      if (!entry) return
      try {
        await this.#replace(entry, parts)
      } catch (err) {
        this.#options.log.error({ err, file }, 'split spooled batch')
        await this.#giveUp(entry, 'spool_error')
      }
    })
  }

  /** It is to be sent again later. */
  release(): void {
    this.#held = null
  }

  async close(): Promise<void> {
    await this.#inTurn(this.#unlock)
  }

  async #recover(): Promise<void> {
    await this.#finishParts()
    for (const file of await readdir(this.#options.directory)) {
      if (file.endsWith(TEMPORARY) || file.endsWith(PART)) await this.#unlink(file)
      if (!file.endsWith(SUFFIX)) continue
      // Counted as lost, and then the process was killed before it could be removed.
      if (this.#state.loss?.files.includes(file)) await this.#unlink(file)
      else await this.#recoverEntry(file)
    }
    this.#entries.sort((a, b) => (a.file < b.file ? -1 : 1))
    await writeState(this.#path(STATE), this.#state)
  }

  async #recoverEntry(file: string): Promise<void> {
    const { head, sizeBytes } = await this.#read(file, 'head')
    const headers = head && parseHead(head)
    this.#entries.push({ file, sizeBytes, endMs: headers?.windowEnd ?? this.#now() })
    const { collector, epoch, sequence, loss } = this.#state
    if (!head || headers?.collector !== collector || headers.epoch !== epoch) return
    // Killed after the batch was written and before the state was.
    this.#state = {
      ...this.#state,
      sequence: Math.max(sequence, headers.sequence),
      loss: loss?.id === head.lossId ? null : loss,
    }
  }

  async #write(batch: NewBatch): Promise<void> {
    const { body, ...described } = batch
    const { collector, epoch, loss } = this.#state
    const sequence = this.#state.sequence + 1
    const account = loss ? addAccounts(batch.account, loss.account) : batch.account
    const headers = formatBatchHeaders({ ...described, collector, epoch, sequence, account })
    const chunks = formatEntry({ headers, lossId: loss?.id ?? 0 }, body)
    const file = fileName(epoch, sequence)
    const state = { ...this.#state, sequence, loss: null }
    try {
      await writeDurably(this.#path(file), chunks)
      // Before this a batch may not leave: its number would be given a second time after a crash.
      await writeState(this.#path(STATE), state)
    } catch (error) {
      await this.#unlink(file)
      throw error
    }
    this.#state = state
    this.#entries.push({ file, sizeBytes: sizeOf(chunks), endMs: batch.windowEnd })
  }

  // The parts are whole beside their places before the state says that they count, and from then on they
  // get there, whatever is killed.
  async #replace(entry: Entry, parts: readonly SpoolPart[]): Promise<void> {
    const { head } = await this.#read(entry.file, 'head')
    const headers = head && parseHead(head)
    if (!headers) throw new Error('its head is damaged')
    const { collector, epoch } = this.#state
    const written: Entry[] = []
    let { sequence } = this.#state
    for (const [i, { account, body }] of parts.entries()) {
      const own = i === 0 ? headers : { ...headers, collector, epoch, sequence: ++sequence }
      const file = i === 0 ? entry.file : fileName(epoch, sequence)
      const lossId = i === 0 ? head.lossId : 0
      const chunks = formatEntry({ headers: formatBatchHeaders({ ...own, account }), lossId }, body)
      await writeDurably(this.#path(`${file}${PART}`), chunks)
      written.push({ file, sizeBytes: sizeOf(chunks), endMs: entry.endMs })
    }
    const state = { ...this.#state, sequence, parts: written.map(({ file }) => file) }
    await writeState(this.#path(STATE), state)
    this.#state = state
    this.#entries = this.#entries.flatMap((other) => (other === entry ? written : [other]))
    await this.#finishParts().catch((err: unknown) =>
      this.#options.log.error({ err, file: entry.file }, 'split spooled batch'),
    )
  }

  async #finishParts(): Promise<void> {
    if (this.#state.parts.length === 0) return
    for (const file of this.#state.parts)
      await rename(this.#path(`${file}${PART}`), this.#path(file)).catch(ignoreMissing)
    this.#state = { ...this.#state, parts: [] }
    await writeState(this.#path(STATE), this.#state)
  }

  async #giveUpOld(): Promise<void> {
    const oldest = this.#now() - this.#options.maxAgeMs
    for (const entry of this.#entries.filter(({ endMs }) => endMs < oldest))
      if (entry.file !== this.#held) await this.#giveUp(entry, 'expired')
  }

  /** False when that much never fits. */
  async #makeRoom(sizeBytes: number): Promise<boolean> {
    const { maxBytes } = this.#options
    while (this.bytes + sizeBytes > maxBytes) {
      const entry = this.#entries.find(({ file }) => file !== this.#held)
      if (!entry) return false
      await this.#giveUp(entry, 'spool_full')
    }
    return true
  }

  async #giveUp(entry: Entry, reason: DropReason): Promise<void> {
    const { head } = await this.#read(entry.file, 'head')
    const headers = head && parseHead(head)
    // Of a damaged head the number of samples is gone; its sequence number will be missed.
    await this.#lose(headers?.account ?? EMPTY_ACCOUNT, reason, entry.file)
    await this.#unlink(entry.file)
    this.#state = forgetFile(this.#state, entry.file)
  }

  async #lose(account: Account, reason: DropReason, file?: string): Promise<void> {
    this.#state = addLoss(this.#state, dropAccount(account, reason), file)
    this.#options.onDrop(reason, account.kept)
    // On a full disk the loss is known in memory only, until the next batch that can be written.
    await writeState(this.#path(STATE), this.#state).catch((err: unknown) =>
      this.#options.log.error({ err }, 'write spool state'),
    )
  }

  async #read(file: string, want: 'head' | 'body'): ReturnType<typeof readEntry> {
    try {
      return await readEntry(this.#path(file), want)
    } catch (err) {
      // Want of memory or file descriptors passes; the batch is still there.
      if (!['ENOENT', 'EIO'].includes((err as NodeJS.ErrnoException).code ?? '')) throw err
      this.#options.log.error({ err, file }, 'read spooled batch')
      return { sizeBytes: 0, head: null, body: null }
    }
  }

  async #unlink(file: string): Promise<void> {
    this.#entries = this.#entries.filter((entry) => entry.file !== file)
    try {
      await unlink(this.#path(file))
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#options.log.error({ err, file }, 'remove spooled batch')
    }
  }

  #path(file: string): string {
    return join(this.#options.directory, file)
  }

  // One operation at a time: each leaves index, state and files in agreement.
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

function fileName(epoch: number, sequence: number): string {
  return `${epoch}-${String(sequence).padStart(12, '0')}${SUFFIX}`
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

// Its rename was done before the kill.
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

function parseHead({ headers }: EntryHead): BatchHeaders | null {
  const parsed = parseBatchHeaders((name) => headers[name])
  return parsed.kind === 'headers' ? parsed.headers : null
}
