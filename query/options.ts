import { z } from 'zod'
import type { OptionValues } from '../infra/runtime/options.ts'
import { defineOptions } from '../infra/runtime/options.ts'

function integer(least: number, most: number) {
  const expected = `expected an integer from ${least} to ${most}`
  return z
    .string(expected)
    .regex(/^\d{1,9}$/, expected)
    .transform(Number)
    .pipe(z.number().min(least, expected).max(most, expected))
}

export const queryOptions = defineOptions({
  queryTimeout: {
    flag: '--query-timeout <seconds>',
    schema: integer(1, 3600),
    default: '30',
    help: 'Longest time a statement of a question may take; people give up sooner.',
  },
  queryMemory: {
    flag: '--query-memory <MiB>',
    schema: integer(64, 1_048_576),
    default: '2048',
    help: 'Memory a statement of a question may use in the store.',
  },
  queryConcurrency: {
    flag: '--query-concurrency <count>',
    schema: integer(1, 256),
    default: '4',
    help: 'Questions answered at the same time; more only share the same processors.',
  },
  queryQueue: {
    flag: '--query-queue <count>',
    schema: integer(0, 10_000),
    default: '64',
    help: 'Questions that may wait for their turn; beyond it the answer is 503 at once.',
  },
  queryRange: {
    flag: '--query-range <days>',
    schema: integer(1, 3660),
    default: '92',
    help: 'Longest time range of a question; the default holds a quarter of a year.',
  },
  queryCache: {
    flag: '--query-cache <MiB>',
    schema: integer(1, 1_048_576),
    default: '256',
    help: 'Memory for stacks and names kept between questions, whole services at a time; a service of 20,000 stacks takes about 10 MiB.',
  },
})

export type QueryOptions = OptionValues<typeof queryOptions>
