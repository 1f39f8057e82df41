import { parentPort } from 'node:worker_threads'
import { inflateProfile } from './inflate.ts'
import type { ProfileLimits } from './limits.ts'
import { PprofError, type ProfileFault } from './pprof/fault.ts'
import type { ScannedProfile } from './pprof/profile.ts'
import { scanProfile } from './pprof/scan.ts'
import { Scratch } from './pprof/scratch.ts'

// A thread of scan-pool.ts: one body in, one answer out.

export type ScanRequest = { readonly body: Uint8Array; readonly limits: ProfileLimits }
export type ScanAnswer = {
  readonly result: ScannedProfile | ProfileFault
  readonly scanMs: number
}

const port = parentPort
if (!port) throw new Error('scan-worker.ts runs as a worker thread')

const scratch = new Scratch()

port.on('message', ({ body, limits }: ScanRequest) => {
  const start = performance.now()
  const result = readBody(body, limits)
  const answer: ScanAnswer = { result, scanMs: performance.now() - start }
  port.postMessage(answer, result.kind === 'profile' ? [result.buffer] : [])
})

function readBody(body: Uint8Array, limits: ProfileLimits): ScannedProfile | ProfileFault {
  try {
    return scanProfile(inflateProfile(body, limits.inflatedBytes), limits, scratch)
  } catch (error) {
    if (error instanceof PprofError) return error.toFault()
    throw error
  }
}
