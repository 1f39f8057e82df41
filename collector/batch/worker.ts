import { parentPort, workerData } from 'node:worker_threads'
import { createLog, LOG_LEVELS } from '../../infra/runtime/log.ts'
import { ThreadPriority } from './thread-priority.ts'
import { WindowProcessor } from './window-processor.ts'
import type { FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts'

// The worker thread: symbol tables are read and profiles encoded here, so that neither delays the
// sampling.

if (!parentPort) throw new Error('worker.ts runs in the thread that BatchWorker starts')
const port = parentPort
const settings = workerData as WorkerSettings
const level = LOG_LEVELS.find((known) => known === settings.logLevel)
const log = createLog(level).child({ room: 'collector', thread: 'worker' })
const processor = new WindowProcessor(settings, log)
// A process at its first sample may have milliseconds to live: on a busy host this thread would come
// too late. Building a batch of what was never met before can wait for its turn; one of what is known is done
// by then, and who comes meanwhile is not kept waiting with it.
const RAISED_MS = 100
const priority = new ThreadPriority()
priority.raise()

port.on('message', (message: ToWorker) => {
  if (message.kind === 'process') processor.see(message)
  else if (message.kind === 'unwind') void processor.unwindBy(message.fds)
  else if (message.kind === 'budget') processor.keepWithin(message.budget)
  else if (message.kind === 'close') void close()
  else void build(message)
})

async function close(): Promise<void> {
  await processor.close()
  port.postMessage({ kind: 'closed' } satisfies FromWorker)
}

async function build({ window }: Extract<ToWorker, { kind: 'window' }>): Promise<void> {
  const lowering = setTimeout(() => priority.lower(), RAISED_MS)
  try {
    const batch = await processor.build(window)
    const bodies = batch.parts.map(({ body }) => body.buffer)
    port.postMessage({ kind: 'batch', batch } satisfies FromWorker, bodies)
  } catch (error) {
    port.postMessage({ kind: 'failed', error: toError(error) } satisfies FromWorker)
  }
  clearTimeout(lowering)
  priority.raise()
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
