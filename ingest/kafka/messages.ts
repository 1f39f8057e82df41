import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { IncomingBatch } from '../batch-reader.ts'

export type HeaderValue = Buffer | string

/** A message of the topic as the client hands it over. */
export type TopicMessage = {
  readonly offset: bigint
  readonly timestampMs: number
  readonly key: Buffer | null
  /** Null: a tombstone. */
  readonly value: Buffer | null
  /** A list where a header stands more than once. */
  readonly headers: Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>
}

/** The batch a message holds, or why it holds none. Nothing of it is trusted yet. */
export function batchOf({ value, headers }: TopicMessage): IncomingBatch | FlamewatchError {
  if (!value || value.length === 0)
    return new FlamewatchError('malformed', 'The message has no value.', { status: 400 })
  const texts: Record<string, string | undefined> = {}
  for (const [name, header] of Object.entries(headers)) {
    if (Array.isArray(header))
      return new FlamewatchError('malformed', `Header ${name.slice(0, 100)} is there twice.`, {
        status: 400,
      })
    texts[name] = header?.toString()
  }
  return { headers: texts, body: value }
}
