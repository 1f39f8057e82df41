// Started by failures.test.ts with fewer rights than its own. Opens a sampler with the options given
// as JSON, drains once and prints what came of it as one line of JSON.
import { openSampler } from '../../collector/kernel/sampler.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { silentLog } from '../../infra/runtime/log.ts'

try {
  const options = JSON.parse(process.argv[2] ?? '{}')
  const sampler = await openSampler({ frequencyHz: 99, log: silentLog(), ...options })
  const window = await sampler.drain()
  await sampler.close()
  print({ notes: sampler.notes, taken: window.taken })
} catch (error) {
  if (!(error instanceof FlamewatchError)) throw error
  const { code, message, hint } = error
  print({ code, message, hint })
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
