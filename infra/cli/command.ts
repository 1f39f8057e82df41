import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { OptionTable, OptionValues } from '../runtime/options.ts'

export const EXIT = {
  ok: 0,
  /** The command ran and its answer is bad news, for example a regression. */
  badNews: 1,
  /** Wrong usage, or the command could not do its work. */
  failure: 2,
  /** The command ran and cannot tell. */
  inconclusive: 3,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export type CommandContext<T extends OptionTable = OptionTable> = {
  readonly options: OptionValues<T>
  /** The options given, as variables for a process of our own. */
  readonly environment: Readonly<Record<string, string>>
  /** Words after the options, as `Command.arguments` asks for them. */
  readonly args: readonly string[]
  readonly log: Log
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
  /** Results, to stdout. Everything else goes to stderr by `tell` or `log`. */
  readonly print: (line: string) => void
  /** What a person at the terminal should know, one line, to stderr. */
  readonly tell: (line: string) => void
}

/** What a command's file exports as `command`; its imports stay light, `run` loads the rooms. */
export type Command<T extends OptionTable = OptionTable> = {
  /** Commander's notation, for example `<file...>`. */
  readonly arguments?: string
  readonly options: T
  /** Lines after the options in --help. */
  readonly notes?: string
  run(context: CommandContext<T>): Promise<ExitCode>
}

/** Ties the type of a command's options to what its `run` gets. */
export function defineCommand<const T extends OptionTable>(command: Command<T>): Command<T> {
  return command
}
