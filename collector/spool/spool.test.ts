import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Account, DropReason } from '../../infra/contract/account.ts'
import { addAccounts, EMPTY_ACCOUNT, unaccounted } from '../../infra/contract/account.ts'
import type { BatchHeaders } from '../../infra/contract/batch.ts'
import { parseBatchHeaders } from '../../infra/contract/batch.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import type { SpooledBatch, SpoolOptions } from './spool.ts'
import { Spool } from './spool.ts'

const WINDOW = 1_700_000_000_000
const DAY_MS = 24 * 3_600_000

let directory: string
let now: number
let drops: [DropReason, number][]
let open: Spool[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'))
  now = WINDOW
  drops = []
  open = []
})

afterEach(async () => {
  for (const spool of open) await spool.close()
  rmSync(directory, { recursive: true })
})

async function openSpool(options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await Spool.open({
    directory,
    maxBytes: 1e9,
    maxAgeMs: 7 * DAY_MS,
    log: silentLog(),
    now: () => now,
    onDrop: (reason, samples) => drops.push([reason, samples]),
    ...options,
  })
  open.push(spool)
  return spool
}

// As after kill -9: nothing is closed, and the lock is of a process that is gone.
function abandon(): void {
  rmSync(join(directory, 'lock'))
}

function account(kept: number, dropped: Account['dropped'] = {}): Account {
  const lost = Object.values(dropped).reduce((sum, n) => sum + n, 0)
  return { taken: kept + 10 + lost, idle: 10, kept, dropped, faults: { broken: 1 } }
}

function add(spool: Spool, kept: number, body = `body ${kept}`): Promise<void> {
  return spool.add({
    host: 'web-1',
    windowStart: now - 10_000,
    windowEnd: now,
    notes: ['a note'],
    account: account(kept),
    body: Buffer.from(body),
  })
}

function headersOf(batch: SpooledBatch | null): BatchHeaders {
  const parsed = parseBatchHeaders((name) => batch?.headers[name])
  if (parsed.kind === 'fault') throw new Error(parsed.reason)
  return parsed.headers
}

async function sendAll(spool: Spool): Promise<BatchHeaders[]> {
  const sent: BatchHeaders[] = []
  for (;;) {
    const batch = await spool.oldest()
    if (!batch) return sent
    sent.push(headersOf(batch))
    await spool.remove(batch)
  }
}

function total(batches: readonly BatchHeaders[]): Account {
  return batches.map(({ account }) => account).reduce(addAccounts, EMPTY_ACCOUNT)
}

describe('an orderly life', () => {
  test('gives batches back oldest first, with the bytes and numbers they entered with', async () => {
    const spool = await openSpool()
    await add(spool, 1)
    await add(spool, 2)
    const batch = await spool.oldest()
    expect(Buffer.from(batch?.body ?? []).toString()).toBe('body 1')
    expect(headersOf(batch)).toEqual({
      collector: spool.collector,
      epoch: WINDOW,
      sequence: 1,
      host: 'web-1',
      windowStart: WINDOW - 10_000,
      windowEnd: WINDOW,
      account: account(1),
      notes: ['a note'],
    })
    expect((await sendAll(spool)).map(({ sequence }) => sequence)).toEqual([1, 2])
    expect(spool.batches).toBe(0)
  })

  test('gives a batch again until it is removed', async () => {
    const spool = await openSpool()
    await add(spool, 1)
    const first = await spool.oldest()
    spool.release()
    expect(await spool.oldest()).toEqual(first)
  })

  test('goes on counting after a restart, also when everything was sent', async () => {
    const first = await openSpool()
    await add(first, 1)
    await sendAll(first)
    await first.close()
    const second = await openSpool()
    await add(second, 2)
    const [batch] = await sendAll(second)
    expect(batch).toMatchObject({ collector: first.collector, epoch: WINDOW, sequence: 2 })
  })

  test('knows how much it holds', async () => {
    const spool = await openSpool()
    await add(spool, 1)
    await add(spool, 2)
    const onDisk = readdirSync(directory)
      .filter((file) => file.endsWith('.batch'))
      .map((file) => readFileSync(join(directory, file)).length)
    expect(spool.batches).toBe(2)
    expect(spool.bytes).toBe(onDisk.reduce((sum, n) => sum + n, 0))
  })
})

describe('after a kill', () => {
  test('has all batches, and nothing of one that was being written', async () => {
    const first = await openSpool()
    await add(first, 1)
    await add(first, 2)
    writeFileSync(join(directory, '1700000000000-000000000003.batch.tmp'), 'half a ba')
    abandon()
    const second = await openSpool()
    expect((await sendAll(second)).map(({ sequence }) => sequence)).toEqual([1, 2])
    expect(readdirSync(directory).filter((file) => file.endsWith('.tmp'))).toEqual([])
  })

  test('does not give a number twice when the batch was written and the state was not', async () => {
    const first = await openSpool()
    await add(first, 1)
    const before = readFileSync(join(directory, 'state.json'))
    await add(first, 2)
    writeFileSync(join(directory, 'state.json'), before)
    abandon()
    const second = await openSpool()
    await add(second, 3)
    const sent = await sendAll(second)
    expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  test('tells of a loss once when the batch that tells was written and the state was not', async () => {
    const first = await openSpool()
    await first.lose(account(5), 'drain_error')
    const before = readFileSync(join(directory, 'state.json'))
    await add(first, 1)
    writeFileSync(join(directory, 'state.json'), before)
    abandon()
    const second = await openSpool()
    await add(second, 2)
    expect(total(await sendAll(second))).toEqual({
      taken: 38,
      idle: 30,
      kept: 3,
      dropped: { drain_error: 5 },
      faults: { broken: 2 },
    })
  })

  test('counts a batch it gave up once when it was killed before the file was removed', async () => {
    const first = await openSpool()
    await add(first, 4)
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.batch'))
    copyFileSync(join(directory, file), join(directory, 'kept'))
    const batch = await first.oldest()
    if (batch) await first.refuse(batch, 'refused')
    // The state is written before the file is removed, so this is how it looks in between.
    copyFileSync(join(directory, 'kept'), join(directory, file))
    abandon()
    const second = await openSpool()
    await add(second, 1)
    expect(total(await sendAll(second))).toEqual({
      taken: 25,
      idle: 20,
      kept: 1,
      dropped: { refused: 4 },
      faults: { broken: 1 },
    })
  })

  test('remembers a loss that no batch has told of yet', async () => {
    const first = await openSpool()
    await first.lose(account(5), 'drain_error')
    abandon()
    const second = await openSpool()
    await add(second, 1)
    const [batch] = await sendAll(second)
    expect(batch?.account.dropped).toEqual({ drain_error: 5 })
  })

  test('begins a new epoch when its state is gone, and still sends what is left of the old one', async () => {
    const first = await openSpool()
    await add(first, 1)
    writeFileSync(join(directory, 'state.json'), 'torn')
    abandon()
    now += 1000
    const second = await openSpool()
    await add(second, 2)
    expect(await sendAll(second)).toMatchObject([
      { collector: first.collector, epoch: WINDOW, sequence: 1 },
      { collector: second.collector, epoch: WINDOW + 1000, sequence: 1 },
    ])
    expect(second.collector).not.toBe(first.collector)
  })
})

describe('what it must give up', () => {
  test('is the oldest when it is full, counted in the next batch', async () => {
    const spool = await openSpool({ maxBytes: 12_000 })
    for (const kept of [1, 2, 3]) await add(spool, kept, 'x'.repeat(3000))
    const sent = await sendAll(spool)
    expect(sent.map(({ sequence }) => sequence)).toEqual([2, 3])
    expect(sent.map(({ account }) => account.dropped)).toEqual([{}, { spool_full: 1 }])
    expect(sent.map(({ account }) => unaccounted(account))).toEqual([0, 0])
    expect(total(sent)).toMatchObject({ taken: 36, idle: 30, kept: 5 })
    expect(drops).toEqual([['spool_full', 1]])
  })

  test('is the new batch when it alone is larger than the spool', async () => {
    const spool = await openSpool({ maxBytes: 8_000 })
    await add(spool, 7, 'x'.repeat(9000))
    await add(spool, 1)
    const sent = await sendAll(spool)
    expect(sent).toMatchObject([{ sequence: 1, account: { dropped: { spool_full: 7 } } }])
  })

  test('is never the batch that is being sent', async () => {
    const spool = await openSpool({ maxBytes: 12_000 })
    await add(spool, 1, 'x'.repeat(3000))
    const sending = await spool.oldest()
    await add(spool, 2, 'x'.repeat(3000))
    await add(spool, 3, 'x'.repeat(3000))
    if (sending) await spool.remove(sending)
    const sent = await sendAll(spool)
    expect(sent).toMatchObject([{ sequence: 3, account: { dropped: { spool_full: 2 } } }])
  })

  test('is what is older than the server accepts', async () => {
    const spool = await openSpool()
    await add(spool, 1)
    now += 7 * DAY_MS + 1
    await add(spool, 2)
    const sent = await sendAll(spool)
    expect(sent).toMatchObject([{ sequence: 2, account: { dropped: { expired: 1 } } }])
  })

  test('is what the server refused', async () => {
    const spool = await openSpool()
    await add(spool, 4)
    const batch = await spool.oldest()
    if (batch) await spool.refuse(batch, 'refused')
    expect(await spool.oldest()).toBeNull()
    await add(spool, 1)
    const sent = await sendAll(spool)
    expect(sent).toMatchObject([{ sequence: 2, account: { dropped: { refused: 4 } } }])
    expect(drops).toEqual([['refused', 4]])
  })

  test('adds up over several losses, and a loss is counted by its first reason', async () => {
    const spool = await openSpool({ maxBytes: 12_000 })
    await spool.lose(account(100), 'drain_error')
    for (const kept of [1, 2, 3, 4]) await add(spool, kept, 'x'.repeat(3000))
    const sent = await sendAll(spool)
    expect(total(sent)).toMatchObject({
      taken: 160,
      idle: 50,
      kept: 7,
      dropped: { drain_error: 100, spool_full: 3 },
    })
    expect(drops).toEqual([
      ['drain_error', 100],
      ['spool_full', 1],
      ['spool_full', 2],
    ])
  })
})

describe('a batch that is too large for its way', () => {
  const parts = [4, 2].map((kept) => ({
    account: account(kept, kept === 4 ? { counts_full: 1 } : {}),
    body: Buffer.from(`part of ${kept}`),
  }))

  async function splitFirst(spool: Spool): Promise<void> {
    const batch = await spool.oldest()
    if (batch) await spool.replace(batch, parts)
  }

  test('gives its place and number to the first part; the others have further ones', async () => {
    const spool = await openSpool()
    await add(spool, 6)
    await add(spool, 1)
    await splitFirst(spool)
    const onDisk = readdirSync(directory)
      .filter((file) => file.endsWith('.batch'))
      .reduce((sum, file) => sum + readFileSync(join(directory, file)).length, 0)
    expect(spool.bytes).toBe(onDisk)
    const sent = await sendAll(spool)
    expect(sent.map(({ sequence, account }) => [sequence, account.kept])).toEqual([
      [1, 4],
      [3, 2],
      [2, 1],
    ])
    expect(sent.every(({ windowEnd, notes }) => windowEnd === WINDOW && notes.length === 1)).toBe(
      true,
    )
    await add(spool, 9)
    expect((await sendAll(spool)).map(({ sequence }) => sequence)).toEqual([4])
    expect(drops).toEqual([])
  })

  test('killed before the parts counted, it is whole; afterwards it is in parts', async () => {
    const first = await openSpool()
    await add(first, 6)
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.batch'))
    const whole = readFileSync(join(directory, file))
    const before = readFileSync(join(directory, 'state.json'))
    await splitFirst(first)
    const names = ['000000000001', '000000000002'].map((n) =>
      join(directory, `${WINDOW}-${n}.batch`),
    )
    const written = names.map((name) => readFileSync(name))
    const state = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'))

    /** As it was when both parts were written and nothing renamed, with that state. */
    async function restart(stateJson: string | Buffer): Promise<Spool> {
      for (const [i, name] of names.entries()) {
        rmSync(name, { force: true })
        writeFileSync(`${name}.part`, written[i] ?? '')
      }
      writeFileSync(join(directory, file), whole)
      writeFileSync(join(directory, 'state.json'), stateJson)
      abandon()
      return openSpool()
    }

    const unsplit = await restart(before)
    expect((await sendAll(unsplit)).map(({ account }) => account.kept)).toEqual([6])
    expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toEqual([])

    const parts = names.map((name) => name.slice(directory.length + 1))
    const split = await restart(JSON.stringify({ ...state, parts }))
    expect((await sendAll(split)).map(({ account }) => account.kept)).toEqual([4, 2])
    expect(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')).parts).toEqual([])
  })

  test('without room for the parts it is counted, and what comes after it is sent', async () => {
    const spool = await openSpool()
    await add(spool, 6)
    await add(spool, 1)
    // Where the second part would go there is a directory.
    mkdirSync(join(directory, `${WINDOW}-000000000003.batch.part`))
    await splitFirst(spool)
    expect(drops).toEqual([['spool_error', 6]])
    expect((await sendAll(spool)).map(({ sequence }) => sequence)).toEqual([2])
    rmSync(join(directory, `${WINDOW}-000000000003.batch.part`), { recursive: true })
  })
})

describe('a disk that fails', () => {
  function damage(edit: (bytes: Buffer) => Buffer): void {
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.batch'))
    const path = join(directory, file)
    writeFileSync(path, edit(readFileSync(path)))
  }

  test('of a batch with a damaged body the samples are still counted', async () => {
    const spool = await openSpool()
    await add(spool, 6)
    damage((bytes) => bytes.fill(0xff, bytes.length - 2))
    expect(await spool.oldest()).toBeNull()
    await add(spool, 1)
    expect(await sendAll(spool)).toMatchObject([{ account: { dropped: { spool_error: 6 } } }])
  })

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['cut within the head', (bytes: Buffer) => bytes.subarray(0, 30)],
    ['emptied', () => Buffer.alloc(0)],
    ['another file', () => Buffer.from('something else altogether, and long enough')],
    [
      'with a flipped bit in the head',
      (bytes: Buffer) => bytes.fill(bytes.readUInt8(40) ^ 1, 40, 41),
    ],
    ['with absurd lengths', (bytes: Buffer) => bytes.fill(0xff, 8, 24)],
  ])('a batch that is %s is left out, and the next one is sent', async (_, edit) => {
    const first = await openSpool()
    await add(first, 6)
    damage(edit)
    await add(first, 1)
    abandon()
    const spool = await openSpool()
    expect((await sendAll(spool)).map(({ sequence }) => sequence)).toEqual([2])
    expect(drops).toEqual([['spool_error', expect.any(Number)]])
  })

  test('a batch that cannot be written is counted in the next one that can', async () => {
    const spool = await openSpool()
    // Where the next batch would go there is a directory: the rename fails.
    const file = `${WINDOW}-000000000001.batch`
    mkdirSync(join(directory, file))
    await add(spool, 8)
    expect(drops).toEqual([['spool_error', 8]])
    rmSync(join(directory, file), { recursive: true })
    await add(spool, 1)
    const sent = await sendAll(spool)
    expect(sent).toMatchObject([{ sequence: 1, account: { dropped: { spool_error: 8 } } }])
    expect(unaccounted(total(sent))).toBe(0)
  })

  test('a directory that cannot be used is an error with a remedy', async () => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    await expect(openSpool({ directory: join(file, 'spool') })).rejects.toMatchObject({
      code: 'spool',
      hint: expect.stringContaining('--spool'),
    })
  })
})

test('is used by one process at a time', async () => {
  await openSpool()
  await expect(openSpool()).rejects.toMatchObject({
    code: 'spool',
    message: expect.stringContaining(`process ${process.pid}`),
  })
})
