// OpenTelemetry's two ways of naming a process from outside:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
// An environment holds secrets: these two variables are looked for in the bytes, and nothing else is
// ever decoded, kept or sent.

export type OtelNames = {
  readonly service: string | null
  readonly version: string | null
}

const SERVICE_NAME = Buffer.from('OTEL_SERVICE_NAME=')
const RESOURCE_ATTRIBUTES = Buffer.from('OTEL_RESOURCE_ATTRIBUTES=')

/** `environ` as in /proc/PID/environ: NUL separated, possibly cut at the end. */
export function readOtelNames(environ: Buffer): OtelNames {
  const attributes = parseResourceAttributes(findVariable(environ, RESOURCE_ATTRIBUTES) ?? '')
  return {
    service: findVariable(environ, SERVICE_NAME) || attributes.get('service.name') || null,
    version: attributes.get('service.version') || null,
  }
}

/**
 * `key=value` pairs, comma separated, percent-encoded as in W3C Baggage. A pair that cannot be read
 * is left out; the others still hold.
 */
export function parseResourceAttributes(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const pair of text.split(',')) {
    const equals = pair.indexOf('=')
    if (equals < 1) continue
    const key = decodePercent(pair.slice(0, equals).trim())
    const value = decodePercent(pair.slice(equals + 1).trim())
    if (key !== null && value !== null) attributes.set(key, value)
  }
  return attributes
}

function decodePercent(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

function findVariable(environ: Buffer, prefix: Buffer): string | null {
  for (let at = environ.indexOf(prefix); at >= 0; at = environ.indexOf(prefix, at + 1)) {
    if (at > 0 && environ[at - 1] !== 0) continue
    const start = at + prefix.length
    const end = environ.indexOf(0, start)
    return environ.toString('utf8', start, end < 0 ? environ.length : end).trim()
  }
  return null
}
