import { z } from 'zod'
import type { OptionValues } from '../runtime/options.ts'
import { defineOptions } from '../runtime/options.ts'

/** Of whatever connects to Kafka: collect, ingest, migrate, audit. */
export const kafkaOptions = defineOptions({
  kafkaBrokers: {
    flag: '--kafka-brokers <list>',
    schema: z
      .string()
      .transform((text) => text.split(',').map((broker) => broker.trim()))
      .pipe(z.array(z.string().refine(isBroker, 'expected HOST:PORT, several with commas')))
      .optional(),
    help: 'Kafka brokers, HOST:PORT, comma-separated; any of the cluster, it tells of the others.',
  },
  kafkaTopic: {
    flag: '--kafka-topic <name>',
    schema: z
      .string()
      .regex(/^(?!\.\.?$)[A-Za-z0-9._-]{1,244}$/, 'expected letters, digits, dots, _ and -'),
    default: 'flamewatch.batches',
    help: 'Topic of the batches; what cannot be read goes to the one with `.dead` after its name. `flamewatch migrate --kafka` makes both.',
  },
  kafkaMessageBytes: {
    flag: '--kafka-message-bytes <bytes>',
    schema: integer(262_144, 100_000_000),
    default: '8388608',
    help: 'Largest message of the topic: `migrate` makes it so, collectors split what is larger.',
  },
  kafkaTls: {
    flag: '--kafka-tls',
    schema: z.boolean().default(false),
    help: 'Connects by TLS; needless where one of the three files is given.',
  },
  kafkaCa: {
    flag: '--kafka-ca <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'Certificates of the authority that signed the brokers’, PEM; else the system’s.',
  },
  kafkaCert: {
    flag: '--kafka-cert <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'Certificate to show to the brokers, PEM.',
  },
  kafkaKey: {
    flag: '--kafka-key <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'Private key of that certificate, PEM.',
  },
  kafkaSasl: {
    flag: '--kafka-sasl <mechanism>',
    schema: z.enum(
      ['plain', 'scram-sha-256', 'scram-sha-512'],
      'expected plain, scram-sha-256 or scram-sha-512',
    ),
    default: 'scram-sha-512',
    help: 'How user and password are shown: plain, scram-sha-256 or scram-sha-512.',
  },
  kafkaUser: {
    flag: '--kafka-user <name>',
    schema: z.string().min(1, 'expected a name').optional(),
    help: 'User of the brokers; without one none is shown.',
  },
  kafkaPassword: {
    flag: '--kafka-password <text>',
    schema: z.string().optional(),
    help: 'Password of that user; better given by the environment, where other users cannot read it.',
    secret: true,
  },
  kafkaPasswordFile: {
    flag: '--kafka-password-file <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'File with the password instead.',
  },
  kafkaClientId: {
    flag: '--kafka-client-id <name>',
    schema: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected letters, digits, dots, _ and -'),
    default: 'flamewatch',
    help: 'Name under which the brokers log and limit these connections.',
  },
})

export type KafkaOptions = OptionValues<typeof kafkaOptions>

/** The topic of what could not be read. */
export function deadTopic(topic: string): string {
  return `${topic}.dead`
}

function isBroker(text: string): boolean {
  return /^(\[[0-9a-fA-F:.]+\]|[^\s/@:]+):[1-9]\d{0,4}$/.test(text)
}

export function integer(least: number, most: number) {
  const expected = `expected an integer from ${least} to ${most}`
  return z
    .string(expected)
    .regex(/^\d{1,9}$/, expected)
    .transform(Number)
    .pipe(z.number().min(least, expected).max(most, expected))
}
