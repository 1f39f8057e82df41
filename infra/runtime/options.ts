import { Command, Option } from 'commander'
import type { z } from 'zod'
import { FlamewatchError } from './errors.ts'

// One table per room says everything about its options; the command line, the environment, --help,
// validation and the README's tables all come from it. Flag > environment > default.

export type OptionSpec<T = unknown> = {
  /** Commander's notation, for example `--listen <host:port>`. */
  readonly flag: string
  /** Reads the text of a flag or variable (or `true` for a flag without value). */
  readonly schema: z.ZodType<T>
  /** As a user would type it; undefined = no default. */
  readonly default?: string | boolean
  /** One sentence, with the reason of the default where it is not plain. */
  readonly help: string
  /** Never printed, not even in an error. */
  readonly secret?: boolean
  /** May be given several times: the schema reads an array of texts. */
  readonly repeatable?: boolean
}

export type OptionTable = Readonly<Record<string, OptionSpec>>

export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends OptionSpec<infer V> ? V : never
}

/** Keeps the literal types of a table. */
export function defineOptions<const T extends OptionTable>(table: T): T {
  return table
}

export function environmentName(key: string): string {
  return `FLAMEWATCH_${key.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`
}

export function addOptions(command: Command, table: OptionTable): Command {
  for (const [key, spec] of Object.entries(table)) {
    const option = new Option(spec.flag, spec.help).env(environmentName(key))
    if (spec.default !== undefined) option.default(spec.default)
    if (spec.repeatable)
      option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text])
    command.addOption(option)
  }
  return command
}

/**
 * Checks what commander read against the table: every fault at once, with the text got and the
 * remedy the schema names. Throws `option_invalid`.
 */
export function readOptions<T extends OptionTable>(command: Command, table: T): OptionValues<T> {
  const raw = command.opts() as Record<string, unknown>
  const values: Record<string, unknown> = {}
  const faults: string[] = []
  for (const [key, spec] of Object.entries(table)) {
    const got = raw[attributeName(spec.flag)]
    const result = spec.schema.safeParse(got)
    if (result.success) {
      values[key] = result.data
      continue
    }
    const shown = spec.secret ? '(secret)' : hidePasswords(JSON.stringify(got))
    const why = result.error.issues.map((issue) => issue.message).join(', ')
    faults.push(`${spec.flag.split(' ')[0]} (${environmentName(key)}): ${why}; got ${shown}`)
  }
  if (faults.length > 0) throw new FlamewatchError('option_invalid', faults.join('\n'))
  return Object.freeze(values) as OptionValues<T>
}

// One that somebody put into an address all the same.
function hidePasswords(text: string | undefined): string {
  return String(text).replace(/(\/\/)[^/@\s]*@/g, '$1(secret)@')
}

/** What a table says when nothing is given. */
export function defaultOptions<T extends OptionTable>(table: T): OptionValues<T> {
  return readOptions(addOptions(new Command(), table), table)
}

/** What was given by flag or environment, as variables: starts a process of ours with the same options. */
export function givenEnvironment(command: Command, table: OptionTable): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [key, spec] of Object.entries(table)) {
    const name = attributeName(spec.flag)
    const source = command.getOptionValueSource(name)
    if (source === 'cli' || source === 'env')
      given[environmentName(key)] = String(command.getOptionValue(name))
  }
  return given
}

/** A Markdown table of a room's options, for the README. */
export function renderOptions(table: OptionTable): string {
  const rows = Object.entries(table).map(([key, spec]) => {
    const fallback = spec.default === undefined || spec.default === '' ? '' : `\`${spec.default}\``
    return `| \`${spec.flag}\` | \`${environmentName(key)}\` | ${fallback} | ${spec.help} |`
  })
  return ['| flag | environment | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function attributeName(flag: string): string {
  return new Option(flag).attributeName()
}
