// Prometheus-style selectors, as text. The server parses and judges them; the page only writes them.

/** `{service="checkout", version="v4", …}`; `where` is what the user added, matchers without braces. */
export function selectorOf(service: string, version: string | null, where: string): string {
  const parts = [`service=${quote(service)}`]
  if (version) parts.push(`version=${quote(version)}`)
  if (where.trim() !== '') parts.push(where.trim())
  return `{${parts.join(', ')}}`
}

function quote(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`
}

export function matcherOf(label: string, value: string): string {
  return `${label}=${quote(value)}`
}

/** The matchers of `where` one by one; commas within quotes do not split. */
export function splitMatchers(where: string): string[] {
  const matchers = where.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []
  return matchers.map((matcher) => matcher.trim()).filter((matcher) => matcher !== '')
}
