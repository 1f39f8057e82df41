import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { LOG_LEVELS } from '../runtime/log.ts'
import { defineOptions } from '../runtime/options.ts'

// Options that belong to no room.

export const logOptions = defineOptions({
  logLevel: {
    flag: '--log-level <level>',
    schema: z.enum(LOG_LEVELS, { error: `expected one of ${LOG_LEVELS.join(', ')}` }),
    default: 'warn',
    help: `Least severity of the JSON lines on stderr: ${LOG_LEVELS.join(', ')}.`,
  },
})

export const httpOptions = defineOptions({
  listen: {
    flag: '--listen <host:port>',
    schema: z.string(),
    default: '127.0.0.1:3526',
    help: 'Address of page and API; port 0 takes any free one. Only this machine can reach the default.',
  },
  tokens: {
    flag: '--tokens <list>',
    schema: z
      .string()
      .optional()
      .transform((text) => text?.split(',').filter((token) => token !== '') ?? []),
    help: 'Comma-separated tokens of which every request must show one.',
    secret: true,
  },
  insecure: {
    flag: '--insecure',
    schema: z.boolean().default(false),
    help: 'Listens beyond this machine without tokens.',
  },
})

export const upOptions = defineOptions({
  noCollect: {
    flag: '--no-collect',
    // Commander keeps the opposite, under `collect`.
    schema: z
      .boolean()
      .default(true)
      .transform((collect) => !collect),
    help: '`up` only: serves what is pushed and does not sample this machine.',
  },
})

export const collectOptions = defineOptions({
  metrics: {
    flag: '--metrics <host:port>',
    schema: z.string().optional(),
    help: '`collect` only: where it serves /metrics and /healthz; not served if not given. `up` shows them at its own /metrics.',
  },
  insecure: httpOptions.insecure,
  dryRun: {
    flag: '--dry-run',
    schema: z.boolean().default(false),
    help: '`collect` only: prints what this host can do and ends; exit code 2 where it cannot be sampled.',
  },
  format: {
    flag: '--format <format>',
    schema: z.enum(['table', 'json'], { error: 'expected table or json' }),
    default: 'table',
    help: '`collect --dry-run` only: table, or json for programs.',
  },
})

/** Where Vite puts the page. */
export const PAGE_DIRECTORY = fileURLToPath(new URL('../../ui/dist/', import.meta.url))
