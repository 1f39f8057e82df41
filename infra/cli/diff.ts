import { z } from 'zod'
import type { ComparedFunctionsAnswer } from '../../query/api.ts'
import { defineOptions } from '../runtime/options.ts'
import { serverOptions } from '../runtime/server-options.ts'
import { askServer } from './client.ts'
import { defineCommand, EXIT } from './command.ts'
import { formatComparison } from './diff-table.ts'

const time = (help: string, flag: string) => ({ flag, schema: z.string().optional(), help })

const diffOptions = defineOptions({
  ...serverOptions,
  type: {
    flag: '--type <type>',
    schema: z.string().optional(),
    help: 'Profile type, CPU if not given.',
  },
  from: time('Start of both sides: RFC 3339, unix ms, or now-1h.', '--from <time>'),
  to: time('End of both sides.', '--to <time>'),
  aFrom: time('Start of the baseline.', '--a-from <time>'),
  aTo: time('End of the baseline.', '--a-to <time>'),
  bFrom: time('Start of the candidate.', '--b-from <time>'),
  bTo: time('End of the candidate.', '--b-to <time>'),
  normalize: {
    flag: '--normalize <how>',
    schema: z.enum(['share', 'host', 'raw'], { error: 'expected share, host or raw' }),
    default: 'share',
    help: 'What is compared: shares of the whole, per second that a host was profiled, or values.',
  },
  sort: {
    flag: '--sort <column>',
    schema: z.enum(['flat', 'cum'], { error: 'expected flat or cum' }),
    default: 'flat',
    help: 'Functions by themselves (flat) or with all they call (cum).',
  },
  limit: {
    flag: '--limit <rows>',
    schema: z.string().regex(/^[1-9]\d{0,4}$/, 'expected 1 to 99999'),
    default: '30',
    help: 'Rows to print.',
  },
  format: {
    flag: '--format <format>',
    schema: z.enum(['table', 'json', 'folded'], { error: 'expected table, json or folded' }),
    default: 'table',
    help: 'Table, JSON of the table, or folded stacks with both values (`stack valueA valueB`).',
  },
})

/** `flamewatch diff`: two selectors of a running server, compared. */
export const command = defineCommand({
  arguments: '<baseline> <candidate>',
  options: diffOptions,
  notes: `For example: flamewatch diff '{service="shop", version="v1"}' '{service="shop", version="v2"}'`,
  async run({ options, args, print }) {
    const [a, b] = args as readonly [string, string]
    const sides = {
      ...{ a, b, type: options.type },
      a_from: options.aFrom ?? options.from,
      a_to: options.aTo ?? options.to,
      b_from: options.bFrom ?? options.from,
      b_to: options.bTo ?? options.to,
    }
    if (options.format === 'folded') {
      const folded = await askServer(options, '/api/v1/diff', { ...sides, format: 'folded' })
      print(folded.trimEnd())
      return EXIT.ok
    }
    const { normalize, sort, limit } = options
    const text = await askServer(options, '/api/v1/functions', {
      ...{ ...sides, normalize, sort, limit },
    })
    if (options.format === 'json') print(text)
    else for (const line of formatComparison(readAnswer(text), sort)) print(line)
    return EXIT.ok
  },
})

// The server is of this release, or says otherwise by what it refuses.
function readAnswer(text: string): ComparedFunctionsAnswer {
  return JSON.parse(text) as ComparedFunctionsAnswer
}
