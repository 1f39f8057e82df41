import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { FlamewatchError } from './errors.ts'
import type { Log } from './log.ts'

// Every failure a client meets has one shape: {error: {code, message, hint}}.

/** The app of a room: what its schemas refuse is answered with 400 `malformed` in our shape. */
export function createApi(): OpenAPIHono {
  return new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return
      const faults = result.error.issues.map((issue) => {
        const path = issue.path.map(String).join('.')
        return path === '' ? issue.message : `${path}: ${issue.message}`
      })
      throw new FlamewatchError('malformed', faults.join('; '), {
        hint: 'GET /api/v1/openapi.json describes every route and its parameters.',
        status: 400,
      })
    },
  })
}

/**
 * The answer to an error: a FlamewatchError says its own status, anything else is a fault of ours,
 * logged whole and told without its text, which may hold paths and statements.
 */
export function answerError(error: unknown, c: Context, log: Log): Response {
  if (error instanceof HTTPException) return answerHttpException(error, c)
  if (error instanceof FlamewatchError) {
    const { code, message, hint, status } = error
    if (status >= 500) log.error({ err: error, path: c.req.path }, 'request failed')
    if (error.retriable && status >= 429) c.header('Retry-After', '1')
    return c.json({ error: { code, message, hint } }, status as ContentfulStatusCode)
  }
  log.error({ err: error, path: c.req.path }, 'request failed')
  return c.json(
    {
      error: {
        code: 'internal',
        message: 'An unexpected error stopped this request.',
        hint: 'The log of the server has the details.',
      },
    },
    500,
  )
}

// Hono's own middleware throws these (body limits, unreadable JSON); their headers must survive.
function answerHttpException(error: HTTPException, c: Context): Response {
  const own = error.getResponse()
  const code =
    error.status === 413 ? 'too_large' : error.status === 401 ? 'unauthorized' : 'malformed'
  const message = error.message || `HTTP status ${error.status}`
  const answer = c.json({ error: { code, message } }, error.status as ContentfulStatusCode)
  for (const [name, value] of own.headers) {
    if (!/^content-/i.test(name)) answer.headers.set(name, value)
  }
  return answer
}
