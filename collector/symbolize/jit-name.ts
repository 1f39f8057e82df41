import { cleanName, shortenName } from './readable-name.ts'

// Two runtimes write their functions with source into a perf map:
//   V8      JS:*name file.js:12:34       the mark is the tier (~ ^ + *), ' after it means OSR
//   CPython py::name:/path/file.py       from 3.12, with -X perf
// The tier is left out, so that a function stays one function when it gets hot.

export type JitName = {
  readonly name: string
  readonly file: string
  readonly line: number
  /** As kindOfModule of infra/contract/profile.ts knows it. */
  readonly mapping: '[js]' | '[python]' | '[jit]'
}

const V8 = /^(?:JS|Eval|Script|LazyCompile|Function|InterpretedFunction):(?:[~^+*]'?)?(.*)$/s
// A name may hold spaces ("get size") and so may a path; the path begins at the first word that
// looks like one.
const V8_SOURCE =
  /^(.*?) ?((?:\/|file:|node:|https?:|wasm:|evalmachine|\[eval).*?):(\d{1,9})(?::\d{1,9})?$/s
const PYTHON = /^py::(.+):([^:]+)$/s
const MAX_FILE = 1000

export function parseJitName(text: string): JitName {
  const js = V8.exec(text)
  if (js !== null) return parseJs(js[1] as string)
  const python = PYTHON.exec(text)
  if (python !== null)
    return {
      name: shortenName(python[1] as string),
      file: cleanName(python[2] as string, MAX_FILE),
      line: 0,
      mapping: '[python]',
    }
  return { name: shortenName(text), file: '', line: 0, mapping: '[jit]' }
}

function parseJs(text: string): JitName {
  const source = V8_SOURCE.exec(text)
  if (source === null)
    return { name: shortenName(text.trim()) || '(anonymous)', file: '', line: 0, mapping: '[js]' }
  return {
    name: shortenName((source[1] as string).trim()) || '(anonymous)',
    file: cleanName((source[2] as string).replace(/^file:\/\//, ''), MAX_FILE),
    line: Number(source[3]),
    mapping: '[js]',
  }
}
