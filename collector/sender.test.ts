import { beforeEach, expect, test } from 'vitest'
import { EMPTY_ACCOUNT } from '../infra/contract/account.ts'
import { BATCH_HEADERS } from '../infra/contract/batch.ts'
import { silentLog } from '../infra/runtime/log.ts'
import { BackOff } from './back-off.ts'
import { CatchUpPace } from './catch-up-pace.ts'
import type { PublishResult } from './publisher.ts'
import type { OutgoingQueue } from './sender.ts'
import { Sender } from './sender.ts'
import type { SpooledBatch, SpoolPart } from './spool/spool.ts'

// A queue in memory that writes down what became of each batch.
class FakeQueue implements OutgoingQueue {
  readonly files: string[] = []
  headers: Record<string, string> = {}
  readonly events: string[] = []

  get batches(): number {
    return this.files.length
  }

  async oldest(): Promise<SpooledBatch | null> {
    const [file] = this.files
    return file === undefined ? null : { file, headers: this.headers, body: new Uint8Array() }
  }

  async remove({ file }: SpooledBatch): Promise<void> {
    this.files.shift()
    this.events.push(`stored ${file}`)
  }

  async refuse({ file }: SpooledBatch, reason: string): Promise<void> {
    this.files.shift()
    this.events.push(`${reason} ${file}`)
  }

  async replace({ file }: SpooledBatch, parts: readonly SpoolPart[]): Promise<void> {
    this.files.splice(0, 1, ...parts.map((_, i) => `${file}.${i}`))
    this.events.push(`split ${file}`)
  }

  release(): void {
    this.events.push('released')
  }
}

const LATER: PublishResult = { kind: 'later', detail: 'away' }
const STORED: PublishResult = { kind: 'stored' }
const PIECE: SpoolPart = { account: EMPTY_ACCOUNT, body: new Uint8Array() }

let queue: FakeQueue
let answers: PublishResult[]
let waiting: (string | undefined)[]
let waits: number[]
let parts: SpoolPart[]
let wakeUp: () => void
let sender: Sender

beforeEach(() => {
  queue = new FakeQueue()
  answers = []
  waits = []
  waiting = []
  parts = [PIECE, PIECE]
  sender = new Sender({
    queue,
    publisher: {
      publish: async ({ headers }) => {
        waiting.push(headers[BATCH_HEADERS.waiting])
        return answers.shift() ?? STORED
      },
      close: async () => {
        queue.events.push('closed')
      },
    },
    pace: new CatchUpPace({ factor: 10, random: () => 0.5 }),
    split: async () => parts,
    backOff: new BackOff({ firstMs: 1000, maxMs: 8000, random: () => 0 }),
    log: silentLog(),
    sleep(ms, signal) {
      waits.push(ms)
      return new Promise((resolve) => {
        wakeUp = resolve
        signal.addEventListener('abort', () => resolve())
      })
    },
  })
})

// Lets everything run that waits for nothing but the event loop.
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('sends what is there in order, then waits to be woken', async () => {
  queue.files.push('a', 'b')
  sender.start()
  await settle()
  queue.files.push('c')
  sender.wake()
  await settle()
  expect(queue.events).toEqual(['stored a', 'stored b', 'stored c'])
})

test('says with each batch how many wait behind it', async () => {
  queue.files.push('a', 'b', 'c')
  sender.start()
  await settle()
  expect(waiting).toEqual(['2', '1', '0'])
})

test('is not late for a batch that came while it looked', async () => {
  sender.start()
  queue.files.push('a')
  sender.wake()
  await settle()
  expect(queue.events).toEqual(['stored a'])
})

test('tries the same batch again, after longer and longer waits, as long as the server is away', async () => {
  queue.files.push('a', 'b')
  answers.push(LATER, LATER, { ...LATER, afterMs: 30_000 })
  sender.start()
  for (let i = 0; i < 4; i++) {
    await settle()
    wakeUp()
  }
  await settle()
  expect(waits).toEqual([1000, 2000, 32_000])
  expect(queue.events).toEqual(['released', 'released', 'released', 'stored a', 'stored b'])
})

test('begins with short waits again after a success', async () => {
  queue.files.push('a', 'b')
  answers.push(LATER, LATER, STORED, LATER)
  sender.start()
  for (let i = 0; i < 4; i++) {
    await settle()
    wakeUp()
  }
  await settle()
  expect(waits).toEqual([1000, 2000, 1000])
})

test('gives up a batch the server refuses and goes on with the next', async () => {
  queue.files.push('a', 'b')
  answers.push({ kind: 'refused', reason: 'expired', detail: 'too old' })
  sender.start()
  await settle()
  expect(queue.events).toEqual(['expired a', 'stored b'])
})

test('splits a batch that is too large, and sends its parts', async () => {
  queue.files.push('a', 'b')
  answers.push({ kind: 'too_large', detail: 'at most 1 MB' })
  sender.start()
  await settle()
  expect(queue.events).toEqual(['split a', 'stored a.0', 'stored a.1', 'stored b'])
})

test('gives up a batch that is too large and cannot be split', async () => {
  queue.files.push('a', 'b')
  parts = [PIECE]
  answers.push({ kind: 'too_large', detail: 'at most 1 MB' })
  sender.start()
  await settle()
  expect(queue.events).toEqual(['batch_too_large a', 'stored b'])
})

test('pauses before what has waited long, but not when it is closed', async () => {
  queue.files.push('a')
  queue.headers = { [BATCH_HEADERS.windowStart]: '0', [BATCH_HEADERS.windowEnd]: '10000' }
  sender.start()
  await settle()
  expect(waits).toEqual([1000])
  expect(queue.events).toEqual([])
  await sender.close(10_000)
  expect(queue.events).toEqual(['stored a', 'closed'])
})

test('goes on after the queue itself failed', async () => {
  queue.files.push('a')
  const { oldest } = queue
  queue.oldest = () => {
    queue.oldest = oldest
    throw new Error('no file descriptors')
  }
  sender.start()
  await settle()
  wakeUp()
  await settle()
  expect(queue.events).toEqual(['released', 'stored a'])
})

test('sends what is left when it is closed', async () => {
  sender.start()
  await settle()
  queue.files.push('a', 'b')
  await sender.close(10_000)
  expect(queue.events).toEqual(['stored a', 'stored b', 'closed'])
})

test('does not wait for a server that is away when it is closed, but asks once more', async () => {
  queue.files.push('a', 'b')
  answers.push(LATER, LATER)
  sender.start()
  await settle()
  await sender.close(10_000)
  expect(queue.files).toEqual(['a', 'b'])
  expect(queue.events).toEqual(['released', 'released', 'closed'])
})
