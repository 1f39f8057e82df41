// SQL with values: `sql\`SELECT … WHERE service = ${service}\``. Every value becomes a literal by the
// one encoder below, in both worlds. The embedded engine has no users and runs several statements in
// one text, so this encoder is the only wall between a hostile label and the store: tests/ hold it
// with hostile strings.

export type SqlValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | readonly string[]
  | readonly bigint[]
  | readonly number[]

const text = Symbol('sql')

export type Sql = { readonly [text]: string }

/** Builds a statement; values are escaped, parts that are themselves Sql are put in as they are. */
export function sql(strings: TemplateStringsArray, ...values: readonly (SqlValue | Sql)[]): Sql {
  let out = strings[0] as string
  for (let i = 0; i < values.length; i++)
    out += encode(values[i] as SqlValue | Sql) + (strings[i + 1] as string)
  return { [text]: out }
}

export function joinSql(parts: readonly Sql[], separator: ' AND ' | ' OR ' | ', ' | ' '): Sql {
  return { [text]: parts.map((part) => part[text]).join(separator) }
}

/** Static text of the program itself (migrations, column lists): never anything a user sent. */
export function trustedSql(statement: string): Sql {
  return { [text]: statement }
}

export function sqlText(statement: Sql): string {
  return statement[text]
}

function encode(value: SqlValue | Sql): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'bigint') return number(value)
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error(`a number for SQL must be finite, got ${value}`)
    return number(value)
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new Error('a date for SQL must be valid')
    return `fromUnixTimestamp64Milli(${value.getTime()}, 'UTC')`
  }
  if (Array.isArray(value)) return `[${value.map((item) => encode(item)).join(', ')}]`
  return (value as Sql)[text]
}

// In parentheses, since `x-${-1}` would begin a comment.
function number(value: number | bigint): string {
  return value < 0 ? `(${value})` : String(value)
}

// ClickHouse string literals: backslash escapes hold. NUL and lone surrogates go as hex, so that
// nothing between here and the engine can cut or re-code them.
function quote(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f]/.test(value) || !value.isWellFormed())
    return `unhex('${Buffer.from(value).toString('hex')}')`
  return `'${value.replace(/[\\']/g, '\\$&')}'`
}
