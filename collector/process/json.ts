// JSON from outside, where nothing has the type one expects.

export type Json = Readonly<Record<string, unknown>>

/** The object in `source`; null for anything else. */
export function parseObject(source: string | Buffer | null): Json | null {
  if (source === null) return null
  try {
    const value: unknown = JSON.parse(source.toString())
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

export function objectAt(json: Json, name: string): Json {
  const value = Object.hasOwn(json, name) ? json[name] : null
  return isObject(value) ? value : {}
}

/** Null where there is no text or an empty one. */
export function textAt(json: Json, name: string): string | null {
  const value = Object.hasOwn(json, name) ? json[name] : null
  return typeof value === 'string' && value !== '' ? value : null
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
