import { spawn } from 'node:child_process'

export type Limits = {
  readonly timeoutMs: number
  readonly cpuSeconds: number
  readonly memoryBytes: number
  readonly outputBytes: number
}

export type RunResult =
  | { readonly kind: 'output'; readonly text: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'too_much_output' }
  | { readonly kind: 'failed'; readonly reason: string }

// Of a program that reads hostile files: no core, no file written, little of the machine.
const LIMITED =
  'ulimit -c 0; ulimit -f 0; ulimit -t "$1"; ulimit -v "$2"; shift 2; exec nice -n 19 "$@"'

/**
 * What a program prints when it is given `input`. The file open as `fd` is its descriptor 3; of the
 * environment it gets nothing, so that it asks no server for debug files. Never rejects.
 */
export function runLimited(
  command: readonly string[],
  input: string,
  fd: number,
  limits: Limits,
): Promise<RunResult> {
  const memory = String(Math.ceil(limits.memoryBytes / 1024))
  const child = spawn(
    '/bin/sh',
    ['-c', LIMITED, 'sh', String(limits.cpuSeconds), memory, ...command],
    {
      stdio: ['pipe', 'pipe', 'ignore', fd],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      cwd: '/',
    },
  )
  const { promise, resolve } = Promise.withResolvers<RunResult>()
  const parts: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => stop({ kind: 'timeout' }), limits.timeoutMs)
  const stop = (result: RunResult) => {
    resolve(result)
    child.kill('SIGKILL')
  }
  child.on('error', ({ message }) => resolve({ kind: 'failed', reason: message }))
  child.on('close', (code, signal) => {
    clearTimeout(timer)
    if (code === 0) resolve({ kind: 'output', text: Buffer.concat(parts).toString('utf8') })
    else resolve({ kind: 'failed', reason: signal ?? `exit code ${code}` })
  })
  child.stdout?.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > limits.outputBytes) stop({ kind: 'too_much_output' })
    else parts.push(part)
  })
  // One that ends early closes its input: how it ended is the answer.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  return promise
}
