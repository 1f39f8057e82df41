import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// The import directions of ARCHITECTURE.md stand in biome.json. A rule that finds nothing any more (a
// glob that no longer matches) looks exactly like clean code, so each is shown a violation.

const ROOT = join(import.meta.dirname, '../..')
const BIOME = join(ROOT, 'node_modules/.bin/biome')

type Plant = { readonly file: string; readonly imports: string }

const FORBIDDEN: readonly Plant[] = [
  { file: 'collector/a.ts', imports: '../ingest/main.ts' },
  { file: 'collector/kernel/b.ts', imports: '../../query/api.ts' },
  { file: 'collector/c.ts', imports: '../infra/store/store.ts' },
  { file: 'collector/d.ts', imports: '../infra/cli/main.ts' },
  { file: 'collector/e.ts', imports: 'chdb' },
  { file: 'ingest/a.ts', imports: '../collector/window.ts' },
  { file: 'ingest/doors/b.ts', imports: '../../query/api.ts' },
  { file: 'ingest/c.ts', imports: '../infra/cli/main.ts' },
  { file: 'ingest/d.ts', imports: '@clickhouse/client' },
  { file: 'query/a.ts', imports: '../ingest/main.ts' },
  { file: 'query/routes/b.ts', imports: '../../ui/url-state.ts' },
  { file: 'query/c.ts', imports: '../infra/kafka/client.ts' },
  { file: 'query/d.ts', imports: 'koffi' },
  { file: 'ui/a.ts', imports: '../query/app.ts' },
  { file: 'ui/views/b.ts', imports: '../../infra/contract/labels.ts' },
  { file: 'ui/c.ts', imports: 'node:fs/promises' },
  { file: 'infra/contract/a.ts', imports: '../../collector/window.ts' },
  { file: 'infra/contract/b.ts', imports: '../store/store.ts' },
  { file: 'infra/runtime/a.ts', imports: '../cli/main.ts' },
  { file: 'infra/runtime/b.ts', imports: 'kafkajs' },
  { file: 'infra/store/a.ts', imports: '../../ingest/main.ts' },
  { file: 'infra/store/b.ts', imports: '../cli/main.ts' },
  { file: 'infra/kafka/a.ts', imports: '../store/store.ts' },
  { file: 'infra/kafka/b.ts', imports: 'chdb' },
  { file: 'infra/kafka/c.ts', imports: 'kafkajs' },
  { file: 'infra/kafka/client.ts', imports: 'chdb' },
  { file: 'collector/f.ts', imports: 'kafkajs' },
  { file: 'ingest/e.ts', imports: 'kafkajs' },
  { file: 'tests/integration/a.ts', imports: 'kafkajs' },
  { file: 'infra/cli/a.ts', imports: '../../collector/window.ts' },
  { file: 'infra/cli/b.ts', imports: '../../ui/main.tsx' },
  { file: 'infra/cli/c.ts', imports: 'chdb' },
]

const ALLOWED: readonly Plant[] = [
  { file: 'collector/kernel/allowed.ts', imports: '../../infra/contract/labels.ts' },
  { file: 'collector/kernel/allowed-client.ts', imports: 'koffi' },
  { file: 'ingest/allowed.ts', imports: '../infra/store/store.ts' },
  { file: 'query/routes/allowed.ts', imports: '../../infra/runtime/errors.ts' },
  { file: 'infra/store/allowed.ts', imports: 'chdb' },
  { file: 'collector/allowed-kafka.ts', imports: '../infra/kafka/client.ts' },
  { file: 'ingest/kafka/allowed.ts', imports: '../../infra/kafka/client.ts' },
  { file: 'infra/cli/allowed.ts', imports: '../../collector/main.ts' },
  { file: 'infra/cli/allowed-options.ts', imports: '../../ingest/options.ts' },
  { file: 'tests/e2e/allowed.ts', imports: '../../collector/main.ts' },
]

describe('import directions', () => {
  let directory: string
  let found: ReadonlySet<string>

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'flamewatch-imports-'))
    const biome = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'))
    writeFileSync(join(directory, 'biome.json'), JSON.stringify({ ...biome, vcs: {} }))
    for (const { file, imports } of [...FORBIDDEN, ...ALLOWED]) {
      mkdirSync(dirname(join(directory, file)), { recursive: true })
      writeFileSync(join(directory, file), `import * as a from '${imports}'\nexport { a }\n`)
      // Rooms are loaded by dynamic import, which the rules must see as well.
      const later = join(directory, file.replace('.ts', '-later.ts'))
      writeFileSync(later, `export const a = import('${imports}')\n`)
    }
    found = lint(directory)
  })

  afterAll(() => rmSync(directory, { recursive: true }))

  it.each(FORBIDDEN)('$file may not import $imports', ({ file }) => {
    expect(found).toContain(file)
    expect(found).toContain(file.replace('.ts', '-later.ts'))
  })

  it.each(ALLOWED)('$file may import $imports', ({ file }) => {
    expect(found).not.toContain(file)
    expect(found).not.toContain(file.replace('.ts', '-later.ts'))
  })
})

// What the linter cannot say.
describe('import forms', () => {
  it('the page takes nothing but types from query/api.ts', async () => {
    const values = await findImports('ui', /^import (?!type\b)[^'"]*['"][./]+query\/api\.ts['"]/gm)
    expect(values).toEqual([])
  })

  it('commands load rooms when they run, not when they are listed', async () => {
    const statics = await findImports(
      'infra/cli',
      /^import (?!type\b)[^'"]*['"][./]+(collector|ingest|query)\/main\.ts['"]/gm,
    )
    expect(statics).toEqual([])
  })
})

/** Files in which Biome found an import against the rules. */
function lint(directory: string): ReadonlySet<string> {
  const args = ['lint', '--reporter=json', '--max-diagnostics=none', '.']
  let report: string
  try {
    report = execFileSync(BIOME, args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    report = (error as { stdout: string }).stdout
  }
  const { diagnostics } = JSON.parse(report) as { diagnostics: Diagnostic[] }
  const rules = ['lint/style/noRestrictedImports', 'lint/correctness/noNodejsModules']
  return new Set(
    diagnostics
      .filter(({ category }) => rules.includes(category))
      .map(({ location }) => location.path),
  )
}

type Diagnostic = { readonly category: string; readonly location: { readonly path: string } }

async function findImports(room: string, pattern: RegExp): Promise<string[]> {
  const found: string[] = []
  for (const name of await readdir(join(ROOT, room), { recursive: true })) {
    if (!/(?<!\.test)\.tsx?$/.test(name) || name.startsWith('dist/')) continue
    const source = readFileSync(join(ROOT, room, name), 'utf8')
    for (const [text] of source.matchAll(pattern)) found.push(`${room}/${name}: ${text}`)
  }
  return found
}
