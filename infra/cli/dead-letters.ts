import { writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { BATCH_HEADERS } from '../contract/batch.ts'
import { DEAD_HEADERS, DEAD_REASONS, type DeadReason } from '../contract/dead-letter.ts'
import type { KafkaClient } from '../kafka/client.ts'
import type { DeadLetter } from '../kafka/dead-letters.ts'
import { deadTopic, kafkaOptions } from '../kafka/options.ts'
import { FlamewatchError } from '../runtime/errors.ts'
import { defineOptions } from '../runtime/options.ts'
import { type CommandContext, defineCommand, EXIT } from './command.ts'

const REASONS = Object.keys(DEAD_REASONS) as DeadReason[]

const deadLetterOptions = defineOptions({
  reason: {
    flag: '--reason <reason>',
    schema: z.enum(REASONS, `expected one of ${REASONS.join(', ')}`).optional(),
    help: `Only letters with this reason: ${REASONS.join(', ')}.`,
  },
  output: {
    flag: '--output <file>',
    schema: z.string().min(1, 'expected a file').optional(),
    help: 'With show: writes the body there, as it was sent.',
  },
  dryRun: {
    flag: '--dry-run',
    schema: z.boolean().default(false),
    help: 'With replay: says what would be sent and sends nothing.',
  },
})

type Context = CommandContext<typeof kafkaOptions & typeof deadLetterOptions>

/** `flamewatch dead-letters`: what ingest could not read. */
export const command = defineCommand({
  arguments: '<action> [letter...]',
  options: { ...kafkaOptions, ...deadLetterOptions },
  notes: [
    'Actions:',
    '  list               every letter, the oldest first',
    '  show LETTER        all that is known of one',
    '  replay [LETTER…]   sends them, or all of --reason, back to ingest; what is stored already stays as it is',
    '',
    'Reasons:',
    ...REASONS.map((reason) => `  ${reason.padEnd(18)} ${DEAD_REASONS[reason]}`),
  ].join('\n'),
  async run(context) {
    const { options, args, log } = context
    const [action = '', ...ids] = args
    const act = ACTIONS[action]
    if (!act)
      throw new FlamewatchError('usage', `Expected list, show or replay, got ${action}.`, {
        hint: 'Type: flamewatch dead-letters --help',
      })
    const { createKafka } = await import('../kafka/client.ts')
    const { explainKafkaError } = await import('../kafka/fault.ts')
    const client = await createKafka(options, log)
    try {
      await requireDeadTopic(client)
      await act(client, ids, context)
      return EXIT.ok
    } catch (error) {
      throw explainKafkaError(error, options)
    }
  },
})

const ACTIONS: Readonly<
  Record<string, (client: KafkaClient, ids: readonly string[], context: Context) => Promise<void>>
> = { list, show, replay }

async function requireDeadTopic(client: KafkaClient): Promise<void> {
  const { requireTopic } = await import('../kafka/topics.ts')
  const admin = client.admin()
  try {
    await admin.connect()
    await requireTopic(admin, deadTopic(client.topic))
  } finally {
    await admin.disconnect()
  }
}

async function list(client: KafkaClient, _: readonly string[], { options, print, tell }: Context) {
  const { listDeadLetters } = await import('../kafka/dead-letters.ts')
  const letters = await listDeadLetters(client, { reason: options.reason })
  if (letters.length === 0) return tell('no dead letters')
  print(['letter', 'died', 'times', 'reason', 'bytes', 'host', 'error'].join('\t'))
  for (const letter of letters) print(rowOf(letter).join('\t'))
}

async function show(client: KafkaClient, ids: readonly string[], { options, print }: Context) {
  const { readDeadBody } = await import('../kafka/dead-letters.ts')
  const [letter] = await chosen(client, ids.slice(0, 1), options.reason)
  if (!letter || ids.length !== 1)
    throw new FlamewatchError('usage', 'Expected one letter.', {
      hint: 'Type: flamewatch dead-letters show LETTER, with one that list names.',
    })
  print(`letter\t${letter.id}`)
  print(`died\t${new Date(letter.atMs).toISOString()}`)
  print(`times\t${letter.times}`)
  print(`bytes\t${letter.bytes}`)
  for (const [name, value] of letter.headers) print(`${clean(name)}\t${clean(value)}`)
  if (options.output === undefined) return
  const body = await readDeadBody(client, letter.id)
  if (body) await writeFile(options.output, body)
}

async function replay(client: KafkaClient, ids: readonly string[], context: Context) {
  const { options, print, tell } = context
  const { replayDeadLetters } = await import('../kafka/dead-letters.ts')
  const letters = await chosen(client, ids, options.reason)
  if (options.dryRun) {
    for (const letter of letters) print(rowOf(letter).join('\t'))
    tell(`would send ${letters.length} to ${client.topic}`)
    return
  }
  let sent = 0
  await replayDeadLetters(client, letters, () => {
    sent++
  })
  print(`${sent} sent to ${client.topic}`)
  if (sent > 0) tell('what still cannot be read comes back: flamewatch dead-letters list')
}

/** The letters named, or all; throws for a name that is none. */
async function chosen(
  client: KafkaClient,
  ids: readonly string[],
  reason: string | undefined,
): Promise<DeadLetter[]> {
  const { listDeadLetters } = await import('../kafka/dead-letters.ts')
  const letters = await listDeadLetters(client, {
    reason,
    ...(ids.length > 0 && { ids: new Set(ids) }),
  })
  const unknown = ids.find((id) => !letters.some((letter) => letter.id === id))
  if (unknown === undefined) return letters
  throw new FlamewatchError('not_found', `There is no letter ${unknown}.`, {
    hint: 'flamewatch dead-letters list names them.',
  })
}

function rowOf({ id, atMs, times, bytes, headers }: DeadLetter): string[] {
  const text = (name: string) => clean(headers.get(name) ?? '')
  const died = new Date(atMs).toISOString()
  const host = text(BATCH_HEADERS.host)
  return [
    id,
    died,
    `${times}`,
    text(DEAD_HEADERS.reason),
    `${bytes}`,
    host,
    text(DEAD_HEADERS.error),
  ]
}

// Headers come from whoever may write to the topic; this is a terminal.
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, 500)
}
