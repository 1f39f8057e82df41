import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Context, MiddlewareHandler } from 'hono'
import { FlamewatchError } from './errors.ts'
import { isLoopback } from './listen.ts'

// Who may ask. With tokens: whoever shows one, as Bearer or as the password of HTTP Basic (browsers,
// go tool pprof). Without: whoever can connect, save web pages that abuse a visitor's browser.

const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

export function requireToken(tokens: readonly string[]): MiddlewareHandler {
  const known = tokens.map(digest)
  return async function requireTokenOf(c, next) {
    if (!OPEN_PATHS.has(c.req.path)) {
      const token = shownToken(c.req.header('Authorization'))
      if (token === null || !isKnown(digest(token), known)) {
        c.header('WWW-Authenticate', 'Basic realm="Flamewatch", charset="UTF-8"')
        throw new FlamewatchError(
          'unauthorized',
          token === null ? 'This server wants a token.' : 'The token is not known to this server.',
          {
            hint: 'Send it as "Authorization: Bearer TOKEN", or as the password of HTTP Basic.',
            status: 401,
          },
        )
      }
    }
    await next()
  }
}

/**
 * A page that points its own DNS name at 127.0.0.1 ("DNS rebinding") would read a loopback server
 * through a visitor's browser. Its name stands in the Host header: only names that cannot be such
 * a page's are answered. IP addresses cannot: nobody's DNS decides where they lead.
 */
export function requireKnownHost(listenHost: string): MiddlewareHandler {
  return async function requireKnownHostOf(c, next) {
    const header = c.req.header('Host')
    const name = header === undefined ? null : hostOf(header)
    const known =
      name !== null &&
      (isLoopback(name) || isIP(name) !== 0 || name === listenHost || name === hostname())
    if (!known)
      throw new FlamewatchError(
        'unauthorized',
        `The host name ${JSON.stringify(header ?? '')} is not known to this server.`,
        {
          hint: 'Use http://127.0.0.1, or set tokens to serve behind a proxy or another name.',
          status: 403,
        },
      )
    await next()
  }
}

/** A foreign page may send a browser here with a form or fetch: it must not change anything. */
export function refuseForeignPages(): MiddlewareHandler {
  return async function refuseForeignPage(c, next) {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && isForeign(c))
      throw new FlamewatchError(
        'unauthorized',
        `A page of ${JSON.stringify(c.req.header('Origin') ?? 'another site')} may not send to this server.`,
        { hint: 'Send from a program, or from the page this server serves.', status: 403 },
      )
    await next()
  }
}

function isForeign(c: Context): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = c.req.header('Origin')
  if (origin === undefined) return false
  return !URL.canParse(origin) || new URL(origin).host !== c.req.header('Host')
}

function hostOf(header: string): string | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/@]+))(?::\d+)?$/.exec(header)
  return match ? (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '') : null
}

function shownToken(header: string | undefined): string | null {
  const match = /^(Bearer|Basic)\s+(\S+)$/i.exec(header ?? '')
  if (!match) return null
  const [, scheme, value] = match as unknown as [string, string, string]
  if (scheme.toLowerCase() === 'bearer') return value
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? null : text.slice(colon + 1)
}

// Digests have one length, so that the comparison takes the same time for every guess.
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function isKnown(shown: Buffer, known: readonly Buffer[]): boolean {
  let found = false
  for (const token of known) found = timingSafeEqual(shown, token) || found
  return found
}
