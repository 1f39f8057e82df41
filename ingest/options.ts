import { z } from 'zod'
import { defineOptions, type OptionValues } from '../infra/runtime/options.ts'

function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d+$/, `expected an integer from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
}

export const ingestOptions = defineOptions({
  rawDays: {
    flag: '--raw-days <days>',
    schema: integer(1, 3650),
    default: '7',
    help: 'Days single profiles are kept: what questions about hosts and labels are answered from.',
  },
  rollupDays: {
    flag: '--rollup-days <days>',
    schema: integer(1, 3650),
    default: '90',
    help: 'Days sums over ten minutes are kept.',
  },
  ingestWorkers: {
    flag: '--ingest-workers <count>',
    schema: integer(1, 64),
    default: '1',
    help: 'Threads that scan profiles; one reads about 500 profiles of 300 stacks a second.',
  },
  maxBodyMb: {
    flag: '--max-body-mb <megabytes>',
    schema: integer(1, 256),
    default: '16',
    help: 'Largest body a client may send, as sent; four times as much when inflated.',
  },
})

export type IngestOptions = OptionValues<typeof ingestOptions>
