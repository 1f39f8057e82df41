import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BuiltPage, buildPage } from '../fixtures/page-browser.ts'

// The budget of the page. Sizes are of files gzipped as hard as gzip can.

const KB = 1000

// What a first view of each page runs, besides the entry.
const VIEWS = {
  services: [],
  'a service': ['views/service-view.tsx'],
  'a comparison': ['views/profile-view.tsx'],
} as const

type Manifest = Readonly<
  Record<string, { readonly file: string; readonly imports?: readonly string[] }>
>

let built: BuiltPage
let manifest: Manifest

beforeAll(async () => {
  built = await buildPage()
  manifest = JSON.parse(
    readFileSync(join(built.directory, '.vite/manifest.json'), 'utf8'),
  ) as Manifest
})

afterAll(() => built?.[Symbol.dispose]())

function sizeOf(file: string): number {
  return gzipSync(readFileSync(join(built.directory, file)), { level: 9 }).length
}

/** Files of these modules and of all they import statically. */
function filesOf(modules: readonly string[]): string[] {
  const seen = new Set<string>()
  const visit = (module: string): void => {
    const entry = manifest[module]
    if (!entry) throw new Error(`no ${module} in the build`)
    if (seen.has(entry.file)) return
    seen.add(entry.file)
    entry.imports?.forEach(visit)
  }
  modules.forEach(visit)
  return [...seen]
}

describe('the built page', () => {
  it('is at most 60 kB in all', () => {
    const assets = readdirSync(join(built.directory, 'assets')).map((file) => `assets/${file}`)
    const sum = ['index.html', 'favicon.svg', ...assets].reduce(
      (total, file) => total + sizeOf(file),
      0,
    )
    expect(assets.length).toBeGreaterThan(3)
    expect(sum).toBeLessThanOrEqual(60 * KB)
  })

  it.each(Object.entries(VIEWS))(
    'needs at most 40 kB of script for a first view of %s',
    (_, views) => {
      const files = filesOf(['index.html', ...views])
      expect(files.reduce((total, file) => total + sizeOf(file), 0)).toBeLessThanOrEqual(40 * KB)
    },
  )

  it('brings no library but Preact', () => {
    const code = filesOf(Object.keys(manifest)).map((file) =>
      readFileSync(join(built.directory, file), 'utf8'),
    )
    // Zod or Hono would come in by a value import of query/api.ts.
    for (const trace of ['ZodError', 'openapi', 'hono'])
      expect(code.join('\n')).not.toContain(trace)
  })
})
