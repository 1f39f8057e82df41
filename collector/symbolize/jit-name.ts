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
// ":line" or ":line:column" in the end. Before it a name that may hold spaces ("get size") and a path
// that may hold them too; the path begins at the first word that looks like one.
const POSITION = /:(\d{1,9})(?::\d{1,9})?$/
const PATH = /(?:^| )(?:\/|file:|node:|https?:|wasm:|evalmachine|\[eval)/
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
  const position = POSITION.exec(text)
  const before = position === null ? text : text.slice(0, position.index)
  const path = position === null ? -1 : before.search(PATH)
  const name = shortenName((path < 0 ? text : before.slice(0, path)).trim())
  return {
    name: name || '(anonymous)',
    file:
      path < 0
        ? ''
        : cleanName(
            before
              .slice(path)
              .trim()
              .replace(/^file:\/\//, ''),
            MAX_FILE,
          ),
    line: path < 0 ? 0 : Number(position?.[1]),
    mapping: '[js]',
  }
}
