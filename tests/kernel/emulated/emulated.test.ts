import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const RUN = fileURLToPath(new URL('run.sh', import.meta.url))
const MACHINES = ['x64-6.1', 'x64-6.12', 'arm64-6.1']
// A minute of CPU each, on two cores that others use as well.
const MOST_MS = 900_000

test.concurrent.each(MACHINES)(
  'every BPF object loads and known stacks come whole and named on Linux %s, while a CPU goes and comes',
  { timeout: MOST_MS },
  async (machine) => {
    const { code, output } = await run(machine)
    for (const [line] of output.matchAll(/[\w.-]+: \d+ of \d+ verified instructions/g))
      process.stdout.write(`${machine}: ${line}\n`)
    expect(code, output).toBe(0)
  },
)

function run(machine: string): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile('sh', [RUN, machine], { timeout: MOST_MS }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr })
    })
  })
}
