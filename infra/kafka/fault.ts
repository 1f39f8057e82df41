import type { ErrorCode } from '../runtime/errors.ts'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import type { KafkaOptions } from './options.ts'

// What kafkajs throws is a chain: the outermost says that tries were used up, and its `retriable` is
// about that call. What happened is in the innermost: `type` is a name of the protocol's error list
// (https://kafka.apache.org/protocol#protocol_error_codes), `name` a class of kafkajs, `code` that of a
// socket.
type Link = {
  readonly name?: unknown
  readonly type?: unknown
  readonly code?: unknown
  readonly cause?: unknown
}

type Verdict = {
  readonly code: Extract<ErrorCode, `kafka_${string}`>
  readonly fact: string
  readonly hint?: string
  /** The same call may succeed later, with nobody doing anything. */
  readonly retriable?: boolean
}

/** The error a caller can decide by and a user can act on. */
export function explainKafkaError(
  error: unknown,
  { kafkaBrokers, kafkaTopic: topic }: Pick<KafkaOptions, 'kafkaBrokers' | 'kafkaTopic'>,
): FlamewatchError {
  if (error instanceof FlamewatchError) return error
  const brokers = kafkaBrokers?.join(', ') ?? ''
  const chain = causes(error)
  const types = new Set(chain.flatMap(({ type, code }) => [type, code].filter(isText)))
  const names = new Set(chain.flatMap(({ name }) => [name].filter(isText)))
  const { code, fact, hint, retriable } = judge(types, names, { brokers, topic })
  const last = chain.at(-1)
  const message = `${fact}: ${errorMessage(last ?? error)}`
  return new FlamewatchError(code, message, {
    cause: error,
    ...(hint && { hint }),
    ...(retriable && { retriable }),
  })
}

function judge(
  types: ReadonlySet<string>,
  names: ReadonlySet<string>,
  { brokers, topic }: { brokers: string; topic: string },
): Verdict {
  const has = (...wanted: string[]) => wanted.some((one) => types.has(one) || names.has(one))
  if (has('MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'))
    return {
      code: 'kafka_too_large',
      fact: `Topic ${topic} takes no message of that size`,
      hint: 'Its max.message.bytes should be what `flamewatch migrate --kafka` says.',
    }
  if (has('UNKNOWN_TOPIC_OR_PARTITION'))
    return {
      code: 'kafka_topic',
      fact: `There is no topic ${topic} at ${brokers}`,
      hint: 'Make it with `flamewatch migrate --kafka`, or name another with --kafka-topic.',
    }
  if (has('SASL_AUTHENTICATION_FAILED', 'KafkaJSSASLAuthenticationError'))
    return {
      code: 'kafka_refused',
      fact: `Kafka at ${brokers} does not take this user and password`,
      hint: 'Check --kafka-user, the password and --kafka-sasl.',
    }
  if (has('UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'))
    return {
      code: 'kafka_refused',
      fact: `Kafka at ${brokers} does not take this kind of login`,
      hint: 'Check --kafka-sasl, and that the port is one with logins.',
    }
  if ([...types].some((type) => type.endsWith('_AUTHORIZATION_FAILED')))
    return {
      code: 'kafka_refused',
      fact: `Kafka at ${brokers} does not let this user do that`,
      hint: `A collector needs Write and Describe on topic ${topic}; ingest needs Read there and on its group, and Write on the topic of dead letters.`,
    }
  if ([...types].some(isTlsCode))
    return {
      code: 'kafka_refused',
      fact: `The certificate of Kafka at ${brokers} is not trusted, or not that of this host`,
      hint: 'Give the authority that signed it with --kafka-ca, and the name it was made for with --kafka-brokers.',
    }
  if (has('KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSBrokerNotFound'))
    return {
      code: 'kafka_unreachable',
      fact: `Kafka at ${brokers} cannot be reached`,
      hint: 'Check --kafka-brokers, that the broker runs, and whether its port wants --kafka-tls.',
      retriable: true,
    }
  if (has('KafkaJSRequestTimeoutError', 'REQUEST_TIMED_OUT'))
    return {
      code: 'kafka_unreachable',
      fact: `Kafka at ${brokers} does not answer in time`,
      retriable: true,
    }
  if (has('NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'))
    return {
      code: 'kafka_unreachable',
      fact: `Topic ${topic} has fewer replicas in step than min.insync.replicas asks for`,
      retriable: true,
    }
  return { code: 'kafka_error', fact: `Kafka at ${brokers}`, retriable: true }
}

// https://nodejs.org/api/tls.html#x509-certificate-error-codes
function isTlsCode(code: string): boolean {
  return /CERT|^UNABLE_TO_|^ERR_TLS_|SIGNATURE|INVALID_CA|HOSTNAME_MISMATCH/.test(code)
}

/** Outermost first. */
function causes(error: unknown): Link[] {
  const chain: Link[] = []
  for (let link = error; link instanceof Error && chain.length < 20; link = link.cause)
    chain.push(link)
  return chain
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
