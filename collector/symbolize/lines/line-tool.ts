import { spawnSync } from 'node:child_process'
import { demangle } from '../demangle.ts'
import type { SourceLine } from '../frame.ts'
import { cleanName, cleanSystemName, shortenName } from '../readable-name.ts'
import type { LINE_TOOLS } from './line-tool-names.ts'

// Two programs read debug information for us, each in a process of its own: parsers of DWARF are the
// code that hostile files break.

/** A program that is installed; which one it is says how it is used. */
export type LineTool = { readonly name: (typeof LINE_TOOLS)[number]; readonly path: string }

type Use = {
  /** For addresses of the file at `path`, one in hex on each line of the standard input. */
  readonly argumentsFor: (path: string) => readonly string[]
  /**
   * The functions at each of `count` addresses, innermost first, none where nothing is known. Null when
   * the output is not of this form.
   */
  readonly parse: (output: string, count: number) => SourceLine[][] | null
}

export const LINE_TOOL_USE: Readonly<Record<LineTool['name'], Use>> = {
  'llvm-symbolizer': {
    argumentsFor: (path) => [
      `--obj=${path}`,
      ...['--inlines', '--functions=linkage', '--no-demangle', '--output-style=JSON'],
      // Where a program was built changes from build to build, and with it what its functions are.
      '--relativenames',
    ],
    parse: parseLlvm,
  },
  addr2line: {
    argumentsFor: (path) => ['-e', path, '-a', '-f', '-i'],
    parse: parseAddr2line,
  },
}

/** The first of `names` that is installed; null when none is. */
export function findLineTool(names: readonly LineTool['name'][]): LineTool | null {
  for (const name of names) {
    const { stdout } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' })
    if (stdout.trim() !== '') return { name, path: stdout.trim() }
  }
  return null
}

const MAX_DEPTH = 100
const MAX_FILE = 1000

// A line of JSON for each address (LLVM 13 and later).
function parseLlvm(output: string, count: number): SourceLine[][] | null {
  const lines = output.split('\n', count + 1)
  const chains: SourceLine[][] = []
  for (let i = 0; i < count; i++) {
    const symbols = readSymbols(lines[i] ?? '')
    if (symbols === null) return null
    chains.push(
      symbols.slice(0, MAX_DEPTH).flatMap((symbol) => {
        const { FunctionName: name, FileName: file, Line: line, StartLine: startLine } = symbol
        return toSourceLine(String(name ?? ''), String(file ?? ''), Number(line), Number(startLine))
      }),
    )
  }
  return chains
}

function readSymbols(line: string): Readonly<Record<string, unknown>>[] | null {
  try {
    const { Symbol: symbols } = JSON.parse(line) as { Symbol?: unknown }
    // An address it finds nothing for has an error in their place.
    return Array.isArray(symbols) ? symbols.filter((s) => typeof s === 'object' && s !== null) : []
  } catch {
    return null
  }
}

// The address, then for each function its name and its file and line.
function parseAddr2line(output: string, count: number): SourceLine[][] | null {
  const chains: SourceLine[][] = []
  const lines = output.split('\n')
  for (let at = 0; at < lines.length && chains.length < count; ) {
    if (!/^0x[0-9a-f]+$/.test(lines[at] as string)) return null
    const chain: SourceLine[] = []
    for (at++; at + 1 < lines.length && !/^0x[0-9a-f]+$/.test(lines[at] as string); at += 2) {
      const [, file = '', line = '0'] = /^(.*):(\d+|\?)/s.exec(lines[at + 1] as string) ?? []
      if (chain.length < MAX_DEPTH)
        chain.push(...toSourceLine(lines[at] as string, file, Number(line), 0))
    }
    chains.push(chain)
  }
  return chains.length === count ? chains : null
}

/** Nothing where the tool knows neither. */
function toSourceLine(name: string, file: string, line: number, startLine: number): SourceLine[] {
  const [known, source] = [name, file].map((text) => (text === '??' ? '' : text)) as [
    string,
    string,
  ]
  if (known === '' && source === '') return []
  return [
    {
      name: shortenName(demangle(known)),
      systemName: cleanSystemName(known),
      file: cleanName(source, MAX_FILE),
      line: positive(line),
      startLine: positive(startLine),
    },
  ]
}

function positive(line: number): number {
  return Number.isSafeInteger(line) && line > 0 && line < 2 ** 31 ? line : 0
}
