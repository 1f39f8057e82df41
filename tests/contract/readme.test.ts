import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../infra/cli/commands.ts'
import { fillTables } from '../../infra/cli/readme.ts'
import { environmentName } from '../../infra/runtime/options.ts'

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')

describe('README.md', () => {
  it('has the tables of the program (node infra/cli/readme.ts --write)', () => {
    expect(README).toBe(fillTables(README))
  })

  it('names every option and every command', async () => {
    for (const [name, { load }] of Object.entries(COMMANDS)) {
      expect(README).toContain(`| \`flamewatch ${name}\` |`)
      if (!SERVERS.has(name)) continue
      const { options } = await load()
      for (const [key, { flag }] of Object.entries(options)) {
        expect(README).toContain(`| \`${flag}\` | \`${environmentName(key)}\` |`)
      }
    }
  })
})

// Commands whose options are in tables; those of the others are in their --help alone.
const SERVERS = new Set(['up', 'collect', 'ingest', 'serve'])
