import { afterEach, expect, test } from 'vitest'
import { silentLog } from '../../infra/runtime/log.ts'
import type { SampleWindow } from '../window.ts'
import { BatchWorker } from './batch-worker.ts'

const SETTINGS = {
  ...{
    host: 'h',
    hostRoot: undefined,
    lineTool: null,
    symbolCacheBytes: 1 << 20,
    unwindTableBytes: 1 << 20,
  },
  ...{ limits: { rawBytes: 1 << 20, bodyBytes: Infinity }, logLevel: 'silent' },
}

function emptyWindow(): SampleWindow {
  return {
    startMs: 1,
    endMs: 2,
    frequencyHz: 99,
    taken: 5,
    idle: 5,
    dropped: {},
    rows: 0,
    tgid: new Uint32Array(0),
    startTimeNs: new BigUint64Array(0),
    program: new Uint32Array(0),
    cgroupId: new BigUint64Array(0),
    comm: new Uint8Array(0),
    kernelThread: new Uint8Array(0),
    count: new Uint32Array(1),
    kernelStack: new Int32Array(0),
    userStack: new Int32Array(0),
    stackEnd: new Uint32Array(0),
    addresses: new BigUint64Array(0),
  }
}

// Behaves as told by how many windows it got: the first ends the thread, others answer.
function scripted(body: string): URL {
  const source = `
    import { parentPort, workerData } from 'node:worker_threads'
    let processes = 0
    parentPort.on('message', (message) => {
      if (message.kind === 'process') processes++
      else { ${body} }
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}

const ANSWER = `parentPort.postMessage({ kind: 'batch', batch: {
  parts: [], symbolizeMs: message.window.taken, encodeMs: 0, processes } })`

let worker: BatchWorker

afterEach(() => worker.close())

test('hands window and processes over and answers with the batch', async () => {
  worker = new BatchWorker(SETTINGS, silentLog(), scripted(ANSWER))
  worker.see({ tgid: 1, startTimeNs: 2n, program: 3 })
  const window = emptyWindow()
  expect(await worker.build(window)).toMatchObject({ symbolizeMs: 5, processes: 1 })
  // Handed over, not copied.
  expect(window.count.length).toBe(0)
})

test('says why the thread ended, and starts another for the next window', async () => {
  worker = new BatchWorker(
    SETTINGS,
    silentLog(),
    scripted(`if (message.window.taken === 5) throw new Error('symbol table of death')
      ${ANSWER}`),
  )
  await expect(worker.build(emptyWindow())).rejects.toThrow('symbol table of death')
  worker.see({ tgid: 1, startTimeNs: 2n, program: 3 })
  const batch = await worker.build({ ...emptyWindow(), taken: 6 })
  expect(batch.symbolizeMs).toBe(6)
})

test('says so when the thread ended without an error', async () => {
  worker = new BatchWorker(SETTINGS, silentLog(), scripted('process.exit(3)'))
  await expect(worker.build(emptyWindow())).rejects.toThrow('ended with exit code 3')
})

test('passes on what the worker could not do, and goes on with the same thread', async () => {
  worker = new BatchWorker(
    SETTINGS,
    silentLog(),
    scripted(`if (message.window.taken === 5)
      parentPort.postMessage({ kind: 'failed', error: new Error('no symbols') })
      else ${ANSWER}`),
  )
  worker.see({ tgid: 1, startTimeNs: 2n, program: 3 })
  await expect(worker.build(emptyWindow())).rejects.toThrow('no symbols')
  expect(await worker.build({ ...emptyWindow(), taken: 6 })).toMatchObject({ processes: 1 })
})

test('takes one window at a time', async () => {
  worker = new BatchWorker(SETTINGS, silentLog(), scripted(ANSWER))
  const first = worker.build(emptyWindow())
  expect(() => worker.build(emptyWindow())).toThrow('has a window already')
  await first
})
