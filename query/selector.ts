import { LABEL_LIMITS, LABEL_NAME } from '../infra/contract/labels.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'

// Prometheus' matchers: {service="checkout", version=~"v4.*", host!="a"}. The braces may be left
// out. Strings are quoted by ", ' or `; the first two know Go's escapes. Regular expressions are RE2's
// and match the whole value. A label a series does not have is the empty string.
// https://prometheus.io/docs/prometheus/latest/querying/basics/#instant-vector-selectors

export type MatchOperator = '=' | '!=' | '=~' | '!~'

export type Matcher = {
  readonly name: string
  readonly operator: MatchOperator
  readonly value: string
}

export type Selector = readonly Matcher[]

const MAX_CHARACTERS = 10_000
const MAX_MATCHERS = 100

/** Throws `malformed` with the position of what was not understood. */
export function parseSelector(text: string): Selector {
  if (text.length > MAX_CHARACTERS)
    throw fault(`A selector has at most ${MAX_CHARACTERS} characters, got ${text.length}.`)
  const scanner = new Scanner(text)
  const braces = scanner.take('{')
  const matchers: Matcher[] = []
  while (!scanner.atEnd && scanner.peek !== '}') {
    if (matchers.length === MAX_MATCHERS)
      throw fault(`A selector has at most ${MAX_MATCHERS} matchers.`)
    matchers.push(scanner.matcher())
    if (!scanner.take(',')) break
  }
  if (braces && !scanner.take('}')) throw scanner.expected('"," or "}"')
  if (!scanner.atEnd) throw scanner.expected(braces ? 'the end' : '"," or the end')
  return matchers
}

/** The selector as text that parses to the same matchers. */
export function formatSelector(selector: Selector): string {
  const parts = selector.map(({ name, operator, value }) => name + operator + JSON.stringify(value))
  return `{${parts.join(', ')}}`
}

/** Throws `malformed`. */
export function checkLabelName(name: string): void {
  if (!LABEL_NAME.test(name) || name.length > LABEL_LIMITS.nameBytes)
    throw new FlamewatchError(
      'malformed',
      `Expected a label name, got ${JSON.stringify(name.slice(0, 100))}.`,
      { hint: 'GET /api/v1/labels lists the labels there are.', status: 400 },
    )
}

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#skipSpace()
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  get peek(): string | undefined {
    return this.#text[this.#at]
  }

  take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false
    this.#at += token.length
    this.#skipSpace()
    return true
  }

  matcher(): Matcher {
    const name = this.#labelName()
    const operator = this.#operator()
    const value = this.#string()
    this.#skipSpace()
    return { name, operator, value }
  }

  expected(what: string): FlamewatchError {
    const got = this.atEnd ? 'the end' : JSON.stringify(this.#text.slice(this.#at, this.#at + 20))
    return fault(`Expected ${what} at position ${this.#at} of the selector, got ${got}.`)
  }

  #labelName(): string {
    const name = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(this.#text.slice(this.#at))?.[0]
    if (name === undefined) throw this.expected(`a label name (${LABEL_NAME.source})`)
    this.#at += name.length
    this.#skipSpace()
    return name
  }

  #operator(): MatchOperator {
    for (const operator of ['=~', '!~', '!=', '='] as const) {
      if (this.take(operator)) return operator
    }
    throw this.expected('one of = != =~ !~')
  }

  #string(): string {
    const quote = this.peek
    if (quote !== '"' && quote !== "'" && quote !== '`') throw this.expected('a quoted value')
    const start = this.#at++
    let value = ''
    for (;;) {
      const character = this.peek
      if (character === undefined || (character === '\n' && quote !== '`')) {
        throw fault(`The value that begins at position ${start} of the selector has no end.`)
      }
      this.#at++
      if (character === quote) return value
      value += character === '\\' && quote !== '`' ? this.#escape() : character
    }
  }

  // The backslash is behind us.
  #escape(): string {
    const rest = this.#text.slice(this.#at)
    const simple = SIMPLE_ESCAPES[rest[0] ?? '']
    if (simple !== undefined) {
      this.#at++
      return simple
    }
    const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest)
    const code = hex ? Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16) : Number.NaN
    if (!hex || code > 0x10_ffff)
      throw fault(
        `Unknown escape ${JSON.stringify(`\\${rest.slice(0, 1)}`)} at position ${this.#at - 1} of the selector.`,
        'Write a backslash as \\\\, or quote the value with ` (no escapes).',
      )
    this.#at += hex[0].length
    return String.fromCodePoint(code)
  }

  #skipSpace(): void {
    while (/\s/.test(this.peek ?? '')) this.#at++
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

function fault(message: string, hint?: string): FlamewatchError {
  return new FlamewatchError('malformed', message, {
    hint: hint ?? 'For example {service="checkout", version=~"v4.*", host!="a"}.',
    status: 400,
  })
}
