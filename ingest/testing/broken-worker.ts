import { parentPort } from 'node:worker_threads'
import type { ScanAnswer, ScanRequest } from '../scan-worker.ts'

// A thread that does what the body says: what no thread should.

parentPort?.on('message', ({ body }: ScanRequest) => {
  const word = Buffer.from(body).toString()
  if (word === 'throw') throw new Error('as told')
  if (word === 'exit') process.exit(3)
  while (word === 'hang');
  const answer: ScanAnswer = {
    result: { kind: 'fault', code: 'malformed', reason: word },
    scanMs: 1,
  }
  parentPort?.postMessage(answer)
})
