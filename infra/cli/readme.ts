import { readFileSync, writeFileSync } from 'node:fs'
import { collectorOptions } from '../../collector/options.ts'
import { consumerOptions, ingestOptions } from '../../ingest/options.ts'
import { queryOptions } from '../../query/options.ts'
import { kafkaOptions } from '../kafka/options.ts'
import { topicOptions } from '../kafka/topic-options.ts'
import { renderOptions } from '../runtime/options.ts'
import { storeOptions } from '../store/options.ts'
import { COMMANDS } from './commands.ts'
import { collectOptions, httpOptions, logOptions, upOptions } from './options.ts'

// The tables of README.md, each between `<!-- begin NAME -->` and `<!-- end NAME -->`.
//   node infra/cli/readme.ts --write    after a change of options or commands

const README = new URL('../../README.md', import.meta.url)

const TABLES: Readonly<Record<string, () => string>> = {
  commands: renderCommands,
  'options of the server': () => renderOptions({ ...httpOptions, ...upOptions, ...logOptions }),
  'options of the store': () => renderOptions(storeOptions),
  'options of kafka': () => renderOptions(kafkaOptions),
  'options of the topics': () => renderOptions(topicOptions),
  'options of the collector': () => renderOptions({ ...collectorOptions, ...collectOptions }),
  'options of ingest': () => renderOptions(ingestOptions),
  'options of ingest from Kafka': () => renderOptions(consumerOptions),
  'options of query': () => renderOptions(queryOptions),
}

/** `text` with every table as the program would have it. Throws for a name there is no table for. */
export function fillTables(text: string): string {
  return text.replace(
    /(<!-- begin (.+?) -->\n)[\s\S]*?(<!-- end \2 -->)/g,
    (_, begin: string, name: string, end: string) => {
      const render = TABLES[name]
      if (!render) throw new Error(`README.md asks for a table "${name}" that nobody makes`)
      return `${begin}\n${render()}\n\n${end}`
    },
  )
}

function renderCommands(): string {
  const rows = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `| \`flamewatch ${name}\` | ${summary} |`,
  )
  return ['| command | |', '| --- | --- |', ...rows].join('\n')
}

if (import.meta.main && process.argv.includes('--write'))
  writeFileSync(README, fillTables(readFileSync(README, 'utf8')))
