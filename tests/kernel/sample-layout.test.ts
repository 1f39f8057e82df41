import { expect, test } from 'vitest'
import {
  COMM_BYTES,
  COUNT,
  EVENT,
  EVENT_REASON,
  KEY,
  KEY_WORDS,
  MOST_EXCLUDED_COMMS,
  MOST_ONLY_PIDS,
  MOST_SOURCES,
  NO_STACK,
  OVERFLOW,
  SECOND_WAY,
  SETTINGS,
  SOURCE,
  STACK_BYTES,
  STACK_DEPTH,
  STATS_FIELDS,
  STATS_WORDS,
  USER_STACK,
} from '../../collector/kernel/sample-layout.ts'
import { DROP_REASONS } from '../../infra/contract/account.ts'
import { evaluate, snake } from './c-header.ts'
import { temporaryDirectory } from './programs.ts'

const directory = temporaryDirectory()

test('the collector reads the structs where the program writes them', () => {
  const expected: [expression: string, value: number][] = [
    ['STACK_DEPTH', STACK_DEPTH],
    ['STACK_BYTES', STACK_BYTES],
    ['SECOND_WAY', SECOND_WAY],
    ['STACK_ABSENT', NO_STACK],
    ['sizeof(struct sample_key)', KEY_WORDS * 4],
    ['sizeof(struct process_event)', EVENT.bytes],
    ['offsetof(struct process_event, start_time)', EVENT.startTime],
    ['offsetof(struct process_event, tgid)', EVENT.tgid],
    ['offsetof(struct process_event, program)', EVENT.program],
    ['offsetof(struct process_event, reason)', EVENT.reason],
    ['EVENT_PROGRAM', EVENT_REASON.program],
    ['EVENT_ADDRESS', EVENT_REASON.address],
    ['sizeof(struct sample_count)', COUNT.words * 4],
    ['offsetof(struct sample_count, samples)', COUNT.samples * 4],
    ['offsetof(struct sample_count, sum)', COUNT.sum * 4],
    ['sizeof(struct settings)', SETTINGS.bytes],
    ['SOURCE_CPU', SOURCE.cpu],
    ['SOURCE_OFF_CPU', SOURCE.offCpu],
    ['SOURCE_HOOK', SOURCE.hook],
    ['SOURCES', MOST_SOURCES],
    ['STATS_INDEX(3, 1)', 7],
    ['MOST_ONLY_PIDS', MOST_ONLY_PIDS],
    ['MOST_EXCLUDED_COMMS', MOST_EXCLUDED_COMMS],
    ['COMM_LENGTH', COMM_BYTES],
    ['sizeof(struct user_stack)', USER_STACK.words * 4],
    ['offsetof(struct user_stack, length)', USER_STACK.length * 4],
    ['offsetof(struct user_stack, addresses)', USER_STACK.addresses * 4],
    ['sizeof(struct sample_stats)', STATS_WORDS * 8],
    ['offsetof(struct sample_stats, ends)', STATS_FIELDS.length * 8],
  ]
  for (const [name, word] of Object.entries(KEY))
    expected.push([`offsetof(struct sample_key, ${snake(name)})`, word * 4])
  for (const [name, at] of Object.entries(SETTINGS))
    if (name !== 'bytes') expected.push([`offsetof(struct settings, ${snake(name)})`, at])
  for (const [name, word] of Object.entries(OVERFLOW))
    expected.push([`offsetof(struct overflow_record, ${snake(name)})`, word * 4])
  for (const [i, name] of STATS_FIELDS.entries())
    expected.push([`offsetof(struct sample_stats, ${snake(name)})`, i * 8])
  const expressions = expected.map(([expression]) => expression)
  const values = evaluate('sample.h', expressions, directory)
  expect(expected.map(([expression], i) => [expression, values[i]])).toEqual(expected)
})

test('the drop reasons of the kernel side have the ids of the contract', () => {
  const kernelSide = Object.entries(DROP_REASONS).filter(([, { id }]) => id < 16)
  expect(kernelSide.length).toBeGreaterThan(0)
  const names = kernelSide.map(([name]) => `DROP_${name.toUpperCase()}`)
  const values = evaluate('sample.h', names, directory)
  expect(values).toEqual(kernelSide.map(([, { id }]) => id))
})
