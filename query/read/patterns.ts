import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Matcher, Selector } from '../selector.ts'
import { anchored } from '../selector-sql.ts'
import type { Reader } from './reader.ts'

/**
 * Regular expressions are RE2's, which only the store has: it is asked about each before use, so
 * that a wrong one is the client's error. Throws `malformed`.
 */
export async function checkPatterns(reader: Reader, selector: Selector): Promise<void> {
  const patterns = selector.filter(({ operator }) => operator === '=~' || operator === '!~')
  await Promise.all(patterns.map((matcher) => checkPattern(reader, matcher)))
}

async function checkPattern(reader: Reader, { name, value }: Matcher): Promise<void> {
  if (!isBalanced(value)) throw wrongPattern(name, value)
  try {
    await reader.rows(sql`SELECT match('', ${anchored(value)})`)
  } catch (cause) {
    if (!(cause instanceof FlamewatchError) || cause.code !== 'store_error' || cause.retriable)
      throw cause
    throw wrongPattern(name, value, cause)
  }
}

/** False for patterns that would close the group they are anchored by: `a)|(b`. */
function isBalanced(pattern: string): boolean {
  let depth = 0
  // Quotations, escapes, and classes, in which parentheses mean themselves; ] does where it is first.
  const bare = pattern.replace(/\\Q.*?(\\E|$)|\\.|\[\^?\]?(\\.|\[:\w*:\]|[^\]\\])*\]/gs, '')
  for (const character of bare) {
    if (character === '(') depth++
    else if (character === ')' && --depth < 0) return false
  }
  return depth === 0
}

function wrongPattern(name: string, pattern: string, cause?: unknown): FlamewatchError {
  return new FlamewatchError(
    'malformed',
    `The regular expression of label ${name} cannot be used: ${JSON.stringify(pattern.slice(0, 200))}.`,
    {
      hint: 'The syntax is RE2 (https://github.com/google/re2/wiki/Syntax): no look-around, no back-references.',
      status: 400,
      cause,
    },
  )
}
