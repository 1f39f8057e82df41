import type { OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { routePath } from 'hono/route'
import { secureHeaders } from 'hono/secure-headers'
import { answerError, createApi } from './api.ts'
import { refuseForeignPages, requireKnownHost, requireToken } from './auth.ts'
import { compress } from './compress.ts'
import { errorMessage, FlamewatchError } from './errors.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { loadPage } from './page.ts'

export type SiteOptions = {
  /** What each room serves, under one origin and in one OpenAPI document. */
  readonly apps: readonly OpenAPIHono[]
  readonly tokens?: readonly string[]
  /** Set where only this machine can connect: the host the server listens on. */
  readonly loopbackHost?: string
  /** The built page; without it only the API is served. */
  readonly uiDirectory?: string
  /** Rejects while the server cannot answer; /readyz says so. */
  readonly ready?: () => Promise<void>
  readonly log: Log
  readonly metrics: Metrics
  /** Metrics of a process of ours beside this one, of other names. */
  readonly otherMetrics?: () => Promise<string>
}

// The page loads nothing from elsewhere, and styles and scripts only from files; the flame graph
// sets positions by the CSSOM, which a policy does not touch.
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  manifestSrc: ["'self'"],
  workerSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

/** Everything behind the port, as one app; tests call `site.request()`. */
export function createSite(options: SiteOptions): OpenAPIHono {
  const { log, metrics, tokens = [] } = options
  const page = options.uiDirectory === undefined ? null : loadPage(options.uiDirectory)
  const site = createApi()
  site.onError((error, c) => answerError(error, c, log))
  site.notFound((c) => {
    const isApi = c.req.path.startsWith('/api/')
    const answer = isApi ? null : page?.answer(c)
    if (answer) return answer
    const what = isApi || page ? 'There is nothing' : 'The page is not built: there is nothing'
    const error = new FlamewatchError('not_found', `${what} at ${c.req.path}.`, {
      hint: 'GET /api/v1/openapi.json lists every route.',
      status: 404,
    })
    return answerError(error, c, log)
  })

  site.use(measure(metrics))
  site.use(
    // HSTS is for whoever terminates TLS in front of this server to say.
    secureHeaders({
      contentSecurityPolicy: CONTENT_SECURITY_POLICY,
      strictTransportSecurity: false,
      xFrameOptions: 'DENY',
    }),
  )
  site.use(compress())
  site.use(refuseForeignPages())
  if (tokens.length > 0) site.use(requireToken(tokens))
  else if (options.loopbackHost !== undefined) site.use(requireKnownHost(options.loopbackHost))
  site.use(
    methodNotAllowed({
      app: site,
      onMethodNotAllowed: (c, methods) => {
        const allow = methods.join(', ')
        c.header('Allow', allow)
        const error = new FlamewatchError(
          'method_not_allowed',
          `${c.req.path} does not answer ${c.req.method}.`,
          { hint: `It answers ${allow}.`, status: 405 },
        )
        return answerError(error, c, log)
      },
    }),
  )

  for (const app of options.apps) site.route('/', app)
  addOperations(site, options)
  return site
}

function addOperations(
  site: OpenAPIHono,
  { metrics, otherMetrics, ready, tokens = [] }: SiteOptions,
): void {
  site.get('/healthz', (c) => c.text('ok\n'))
  site.get('/readyz', async (c) => {
    try {
      await ready?.()
      return c.text('ok\n')
    } catch (cause) {
      throw new FlamewatchError('store_unavailable', `not ready: ${errorMessage(cause)}`, {
        status: 503,
        retriable: true,
        cause,
      })
    }
  })
  site.get('/metrics', async (c) => {
    c.header('Content-Type', metrics.registry.contentType)
    const own = await metrics.registry.metrics()
    return c.body(otherMetrics ? `${own}\n${await otherMetrics()}` : own)
  })
  if (tokens.length > 0) {
    site.openAPIRegistry.registerComponent('securitySchemes', 'token', {
      type: 'http',
      scheme: 'bearer',
    })
  }
  site.doc31('/api/v1/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Flamewatch',
      version: '1',
      description: 'Continuous profiling: flame graphs, differences, functions, series, accounts.',
    },
    ...(tokens.length > 0 && { security: [{ token: [] }] }),
  })
}

function measure(metrics: Metrics): MiddlewareHandler {
  const seconds = metrics.histogram(
    'flamewatch_http_request_seconds',
    'Time from a request read to its answer made',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ['method', 'route', 'status'],
  )
  return async function measureRequest(c, next) {
    const start = performance.now()
    await next()
    // The pattern of the route, never the path: paths are user data and without bound.
    const route = routePath(c, -1)
    const method = /^(GET|HEAD|POST|PATCH|PUT|DELETE|OPTIONS)$/.test(c.req.method)
      ? c.req.method
      : 'other'
    seconds.observe(
      { method, route, status: String(c.res.status) },
      (performance.now() - start) / 1000,
    )
  }
}
