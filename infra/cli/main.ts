import { Command as Commander, CommanderError } from 'commander'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import { Lifecycle } from '../runtime/lifecycle.ts'
import { createLog } from '../runtime/log.ts'
import { createMetrics } from '../runtime/metrics.ts'
import { addOptions, givenEnvironment, readOptions } from '../runtime/options.ts'
import type { Command, ExitCode } from './command.ts'
import { EXIT } from './command.ts'
import { COMMANDS } from './commands.ts'
import { logOptions } from './options.ts'

// One width everywhere: otherwise --help wraps to the terminal it was asked on.
const HELP_WIDTH = 100

async function main(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok
  const program = createProgram('flamewatch')
    .description('Continuous profiling: where CPU time goes, and what a deploy changed.')
    .helpCommand(false)
    // Only the command asked for is loaded, with its options: `collect` never loads the store.
    .hook('preSubcommand', async (_, sub) => {
      const command = await COMMANDS[sub.name()]?.load()
      if (command === undefined) return
      addArguments(sub, command)
      sub.action(async () => {
        exitCode = await run(sub, command)
      })
    })
  for (const [name, { summary }] of Object.entries(COMMANDS))
    program.addCommand(createProgram(name).description(summary))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has said what was wrong itself; --help carries 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.failure
    printError(error)
    return EXIT.failure
  }
}

function createProgram(name: string): Commander {
  return new Commander(name)
    .exitOverride()
    .showHelpAfterError(`  Type: flamewatch ${name === 'flamewatch' ? '' : `${name} `}--help`)
    .configureOutput({
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      outputError: (text, write) => write(text.replace(/^error: /, 'flamewatch: ')),
    })
}

function addArguments(sub: Commander, command: Command): void {
  if (command.arguments) sub.arguments(command.arguments)
  addOptions(sub, { ...command.options, ...logOptions })
  if (command.notes)
    sub.addHelpText('after', `\n${sub.createHelp().boxWrap(command.notes, HELP_WIDTH)}`)
}

async function run(sub: Commander, command: Command): Promise<ExitCode> {
  const { logLevel } = readOptions(sub, logOptions)
  const options = readOptions(sub, command.options)
  const log = createLog(logLevel)
  return command.run({
    options,
    environment: givenEnvironment(sub, { ...command.options, ...logOptions }),
    args: sub.args,
    log,
    metrics: createMetrics({ process: true }),
    lifecycle: new Lifecycle(log),
    print: (line) => void process.stdout.write(`${line}\n`),
    tell,
  })
}

function tell(line: string): void {
  process.stderr.write(`flamewatch: ${line}\n`)
}

function printError(error: unknown): void {
  if (!(error instanceof FlamewatchError)) {
    // Not one of the errors a caller can meet: a fault of the program, so with its place.
    tell(error instanceof Error ? (error.stack ?? error.message) : errorMessage(error))
    return
  }
  for (const line of error.message.split('\n')) tell(line)
  if (error.hint) process.stderr.write(`  ${error.hint}\n`)
}

function end(exitCode: ExitCode): void {
  process.exit(exitCode)
}

// A reader that has gone (`flamewatch diff … | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
// Node would end with 1, which here means bad news.
process.on('uncaughtException', (error) => {
  printError(error)
  end(EXIT.failure)
})
end(await main(process.argv.slice(2)))
