import { readFile } from 'node:fs/promises'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import type { KafkaOptions } from './options.ts'

export type Credentials = {
  /** False: without TLS. */
  readonly tls: false | { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
  readonly login: null | { readonly user: string; readonly password: string }
}

/** What the options say of TLS and login, files read. Throws `option_invalid`. */
export async function readCredentials(options: KafkaOptions): Promise<Credentials> {
  const { kafkaCa, kafkaCert, kafkaKey, kafkaUser } = options
  const { kafkaPassword, kafkaPasswordFile } = options
  if (kafkaPassword !== undefined && kafkaPasswordFile !== undefined)
    throw new FlamewatchError('option_invalid', 'The password for Kafka is given twice.', {
      hint: 'Give --kafka-password or --kafka-password-file, not both.',
    })
  if ((kafkaCert === undefined) !== (kafkaKey === undefined))
    throw new FlamewatchError('option_invalid', 'A certificate and its key go together.', {
      hint: 'Give both --kafka-cert and --kafka-key, or neither.',
    })
  const [ca, cert, key, file] = await Promise.all([
    readOptional('--kafka-ca', kafkaCa),
    readOptional('--kafka-cert', kafkaCert),
    readOptional('--kafka-key', kafkaKey),
    readOptional('--kafka-password-file', kafkaPasswordFile),
  ])
  // An editor's line break at the end is not part of it.
  const password = file?.toString().replace(/\r?\n$/, '') ?? kafkaPassword
  if ((kafkaUser === undefined) !== (password === undefined))
    throw new FlamewatchError('option_invalid', 'A user of Kafka and its password go together.', {
      hint: 'Give --kafka-user and one of --kafka-password and --kafka-password-file, or none.',
    })
  return {
    tls: (options.kafkaTls || Boolean(ca ?? cert)) && {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
    },
    login: kafkaUser && password !== undefined ? { user: kafkaUser, password } : null,
  }
}

async function readOptional(flag: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (cause) {
    throw new FlamewatchError('option_invalid', `${flag}: ${errorMessage(cause)}`, { cause })
  }
}
