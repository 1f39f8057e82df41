import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { compileFixture, scriptFixture } from '../fixtures/programs/build.ts'

// 50 processes as a host mixes them: most C and C++ without frame pointers, as distributions build, some with,
// and interpreters. Each runs until its standard input is closed.

type Program = { readonly command: string; readonly args: readonly string[] }

function programs(): readonly Program[] {
  const compiled = (name: Parameters<typeof compileFixture>[0]) => ({
    command: compileFixture(name),
    args: ['-'],
  })
  const mix: readonly (readonly [number, Program])[] = [
    [14, compiled('busy-nofp')],
    [10, compiled('busy-fp')],
    [6, compiled('shapes-nofp')],
    [10, { command: 'python3', args: [scriptFixture('busy.py'), '-'] }],
    [10, { command: process.execPath, args: [scriptFixture('busy.mjs'), '-'] }],
  ]
  return mix.flatMap(([count, program]) => Array.from({ length: count }, () => program))
}

export type Load = {
  readonly processes: number
  stop(): Promise<void>
}

export function startLoad(): Load {
  const children = programs().map(({ command, args }) =>
    spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] }),
  )
  return {
    processes: children.length,
    async stop() {
      await Promise.all(children.map(end))
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
