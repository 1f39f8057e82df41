import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import type { Context } from 'hono'
import { chooseCoding } from './compress.ts'

// The page is small (60 kB), so it is read whole at the start. A request looks its path up in a
// table: no path of a request ever reaches the file system.

type Asset = {
  readonly type: string
  readonly etag: string
  readonly cache: string
  readonly plain: Buffer
  readonly br: Buffer | undefined
  readonly gzip: Buffer | undefined
}

export type Page = {
  /** The answer for a path that is no API route, or null where there is none. */
  answer(c: Context): Response | null
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** `directory` as Vite builds it: index.html, and files with a hash in their names in assets/. */
export function loadPage(directory: string): Page {
  const assets = readAssets(directory)
  const index = assets.get('/index.html')
  return {
    answer(c) {
      if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return null
      const asset = assets.get(c.req.path)
      if (asset) return answerAsset(c, asset)
      // A missing asset is an error of the page; any other path is a state of the page.
      if (index === undefined || c.req.path.startsWith('/assets/')) return null
      return answerAsset(c, index)
    },
  }
}

function answerAsset(c: Context, asset: Asset): Response {
  c.header('Cache-Control', asset.cache)
  c.header('ETag', asset.etag)
  if (c.req.header('If-None-Match')?.replace(/^W\//, '') === asset.etag) return c.body(null, 304)
  c.header('Content-Type', asset.type)
  const coding = chooseCoding(c.req.header('Accept-Encoding') ?? '')
  const coded = coding === null ? undefined : asset[coding]
  if (coding !== null && coded !== undefined) {
    c.header('Content-Encoding', coding)
    c.header('Vary', 'Accept-Encoding')
  }
  return c.body(new Uint8Array(coded ?? asset.plain))
}

function readAssets(directory: string): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
  const files = new Set(names)
  const read = (name: string) => (files.has(name) ? readFileSync(join(directory, name)) : undefined)
  for (const name of names) {
    if (/\.(br|gz)$/.test(name)) continue
    const plain = readFileSync(join(directory, name))
    assets.set(`/${name}`, {
      type: TYPES[extname(name)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
      cache: name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      plain,
      br: read(`${name}.br`),
      gzip: read(`${name}.gz`),
    })
  }
  return assets
}
