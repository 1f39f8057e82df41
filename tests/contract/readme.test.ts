import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../infra/cli/commands.ts'
import { fillTables } from '../../infra/cli/readme.ts'
import { environmentName } from '../../infra/runtime/options.ts'

const ROOT = join(import.meta.dirname, '../..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

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

describe('ARCHITECTURE.md', () => {
  const words = [
    ...readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(/`([^`\n]+)`/g),
  ].map(([, word = '']) => word)

  it('names only files and folders that are there', () => {
    const paths = words.filter((word) => /^[\w.-]+\/[\w./-]*$/.test(word))
    expect(paths.length).toBeGreaterThan(20)
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it('names only functions and classes that are there', async () => {
    const names = words.filter(
      (word) => /^[A-Za-z_]+(\.[a-z]\w+)?$/.test(word) && /[A-Z_.]/.test(word),
    )
    expect(names.length).toBeGreaterThan(30)
    const sources = await readSources(['bpf', 'collector', 'ingest', 'query', 'ui', 'infra'])
    const missing = names.filter(
      (name) => !name.split('.').every((part) => new RegExp(`\\b${part}\\b`).test(sources)),
    )
    expect(missing).toEqual([])
  })
})

async function readSources(rooms: readonly string[]): Promise<string> {
  const texts: string[] = []
  for (const room of rooms)
    for (const name of await readdir(join(ROOT, room), { recursive: true }))
      if (/(?<!\.test)\.(tsx?|c|h)$/.test(name))
        texts.push(readFileSync(join(ROOT, room, name), 'utf8'))
  return texts.join('\n')
}
