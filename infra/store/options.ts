import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { OptionValues } from '../runtime/options.ts'
import { defineOptions } from '../runtime/options.ts'

export const storeOptions = defineOptions({
  data: {
    flag: '--data <dir>',
    schema: z
      .string()
      .min(1, 'expected a directory')
      .optional()
      .transform((directory) => directory ?? defaultDataDirectory()),
    help: 'Directory of the embedded store. Without it $XDG_STATE_HOME/flamewatch, or ~/.local/state/flamewatch.',
  },
  storeUrl: {
    flag: '--store-url <urls>',
    schema: z
      .string()
      .transform((text) => text.split(',').map((url) => url.trim()))
      .pipe(z.array(z.string().refine(isAddress, 'expected http://HOST:PORT or https://HOST:PORT')))
      .optional(),
    help: 'ClickHouse server to use instead of the embedded store; of a cluster several, comma-separated, the nearest first.',
  },
  storeUser: {
    flag: '--store-user <name>',
    schema: z.string(),
    default: 'default',
    help: 'User of the ClickHouse server.',
  },
  storePassword: {
    flag: '--store-password <text>',
    schema: z.string(),
    default: '',
    help: 'Password of that user; better given by the environment, where other users cannot read it.',
    secret: true,
  },
  storePasswordFile: {
    flag: '--store-password-file <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'File with the password instead.',
  },
  storeCa: {
    flag: '--store-ca <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'Certificates of the authority that signed the server’s, PEM; else the system’s.',
  },
  storeCert: {
    flag: '--store-cert <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'Certificate to show to the server, PEM; without a password it stands for the user.',
  },
  storeKey: {
    flag: '--store-key <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'Private key of that certificate, PEM.',
  },
  storeDatabase: {
    flag: '--store-database <name>',
    schema: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'expected letters, digits and underscores'),
    default: 'flamewatch',
    help: 'Database on the ClickHouse server; `flamewatch migrate` makes it.',
  },
})

export type StoreOptions = OptionValues<typeof storeOptions>

// Nothing but the place: user and password have their own options, which are not shown.
function isAddress(text: string): boolean {
  return /^https?:\/\/[^/?#@\s]+\/?$/.test(text) && URL.canParse(text)
}

function defaultDataDirectory(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state')
  return join(state, 'flamewatch')
}
