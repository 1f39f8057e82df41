import type { ErrorCode } from '../runtime/errors.ts'

// A dead letter is a message of the topic of batches that could not be stored, in the topic with
// `.dead` after its name: key, value and headers as they were, and headers that say what was wrong.
// Sent back to the topic it came from, it is judged anew.

/** Why a message is not stored by this release: codes of errors. */
export const DEAD_REASONS = {
  malformed: 'headers, profile or labels are not what they should be',
  too_large: 'the profile is over a limit',
  out_of_range: 'its window was too long ago, or ahead, when it was read',
  newer_format: 'of a later release than the server: replay it after the upgrade',
  internal: 'the scanner broke on it, three times',
} as const satisfies Partial<Record<ErrorCode, string>>

export type DeadReason = keyof typeof DEAD_REASONS

export const DEAD_HEADERS = {
  reason: 'flamewatch-dead-reason',
  error: 'flamewatch-dead-error',
  topic: 'flamewatch-dead-topic',
  partition: 'flamewatch-dead-partition',
  offset: 'flamewatch-dead-offset',
  /** Unix ms at which the message was produced. */
  timestamp: 'flamewatch-dead-timestamp',
  sha256: 'flamewatch-dead-sha256',
  /** How often it has been sent back before. */
  replays: 'flamewatch-dead-replays',
} as const

export function isDeadReason(text: string | undefined): text is DeadReason {
  return text !== undefined && Object.hasOwn(DEAD_REASONS, text)
}

/** True for what is taken off when a letter is sent back. */
export function isDeadHeader(name: string): boolean {
  return name.startsWith('flamewatch-dead-')
}
