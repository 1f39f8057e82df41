import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, type TestContext } from 'vitest'

const SOURCES = fileURLToPath(new URL('programs/', import.meta.url))
// With optimization gcc leaves the frame pointer out of functions that call nothing, whatever is asked.
const FLAGS = ['-O0', '-fno-omit-frame-pointer', '-pthread']

/** A folder that goes when the test file is done. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'flamewatch-kernel-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** As compilers build by default; calls that are the last of a function stay calls. */
export const NO_FRAME_POINTERS = [
  '-O2',
  '-fomit-frame-pointer',
  '-fno-optimize-sibling-calls',
  '-fno-builtin',
]

/** Compiles programs/NAME.c into `directory` and returns the path of the executable. */
export function compile(name: string, directory: string, flags = FLAGS): string {
  const path = join(directory, name)
  execFileSync('cc', [...flags, '-o', path, join(SOURCES, `${name}.c`)])
  return path
}

export type Ended = { readonly pid: number; readonly output: string }

/** Starts a program; `ended` resolves when it has exited with 0. */
export function start(path: string, args: readonly string[] = []) {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  return { child, pid: child.pid ?? -1, ended: end(child) }
}

function end(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ pid: child.pid ?? -1, output })
      else reject(new Error(`${child.spawnfile} ended with ${code ?? signal}: ${output}`))
    })
  })
}

export const isRoot = process.getuid?.() === 0

/**
 * Sampling needs root. Without it a test is left out, visibly; with it, whatever does not work fails.
 */
export function requireRoot(context: TestContext): void {
  if (!isRoot) context.skip('sampling needs root')
}
