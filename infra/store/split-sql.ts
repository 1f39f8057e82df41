import { FlamewatchError } from '../runtime/errors.ts'

// A piece of SQL that is taken whole, so that a `;` in it does not split; or else one character. By
// ClickHouse's lexer: strings and quoted names know backslash escapes and doubled quotes, `$tag$`
// encloses text as it is, comments in /* */ nest.
const PIECE =
  /--[^\n]*|#[ !][^\n]*|\/\*|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`\\]|\\[\s\S]|``)*`|\$(\w*)\$[\s\S]*?\$\1\$|[\s\S]/y

/** The statements of a file, without comments and without the `;` between them. */
export function splitStatements(text: string): string[] {
  const statements: string[] = []
  let statement = ''
  for (let at = 0; at < text.length; at = PIECE.lastIndex) {
    PIECE.lastIndex = at
    const piece = PIECE.exec(text)?.[0] as string
    if (piece === '/*') {
      statement += ' '
      PIECE.lastIndex = endOfComment(text, at)
    } else if (piece === ';') {
      statements.push(statement)
      statement = ''
    } else if (/^['"`]$/.test(piece)) {
      throw unterminated('quote', text, at)
    } else if (!/^(--|#[ !])/.test(piece)) {
      statement += piece
    }
  }
  statements.push(statement)
  return statements.map((each) => each.trim()).filter((each) => each !== '')
}

function endOfComment(text: string, start: number): number {
  const edges = /\/\*|\*\//g
  edges.lastIndex = start
  let depth = 0
  do {
    const edge = edges.exec(text)
    if (!edge) throw unterminated('comment', text, start)
    depth += edge[0] === '/*' ? 1 : -1
  } while (depth > 0)
  return edges.lastIndex
}

function unterminated(what: string, text: string, at: number): FlamewatchError {
  const line = text.slice(0, at).split('\n').length
  return new FlamewatchError('migration', `A ${what} that begins in line ${line} has no end.`)
}
