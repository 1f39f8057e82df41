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
    flag: '--store-url <url>',
    schema: z
      .url({ protocol: /^https?$/, error: 'expected http://HOST:PORT or https://HOST:PORT' })
      .optional(),
    help: 'ClickHouse server to use instead of the embedded store.',
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

function defaultDataDirectory(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state')
  return join(state, 'flamewatch')
}
