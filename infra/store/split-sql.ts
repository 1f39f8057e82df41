import { FlamewatchError } from '../runtime/errors.ts'

// One token after the other: what must be taken whole, so that a `;` inside it does not split.
// Strings and quoted names know backslash escapes and doubled quotes, as in ClickHouse's lexer.
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`\\]|\\[\s\S]|``)*`|[\s\S]/g

/** The statements of a file, without comments and without the `;` between them. */
export function splitStatements(text: string): string[] {
  const statements: string[] = []
  let statement = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ';') {
      statements.push(statement.trim())
      statement = ''
    } else if (token.startsWith('--') || token.startsWith('/*')) {
      statement += token.endsWith('*/') ? ' ' : ''
    } else if (token === "'" || token === '"' || token === '`') {
      // A lone quote was matched by nothing longer.
      throw new FlamewatchError('migration', `Unterminated ${token} in: ${excerpt(statement)}`)
    } else {
      statement += token
    }
  }
  statements.push(statement.trim())
  return statements.filter((part) => part !== '')
}

function excerpt(statement: string): string {
  return statement.trim().slice(0, 200)
}
