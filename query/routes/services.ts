import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { ServicesAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { json, rangeOf, timeParameters } from '../parameters.ts'
import { readOverview } from '../read/overview.ts'
import type { TimeRange } from '../time.ts'
import { formatTime } from '../time.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/services',
  summary: 'Services seen in the range, the busiest first, with all their versions',
  request: { query: z.object(timeParameters) },
  responses: json(ServicesAnswer, 'Services.'),
})

export function addServices(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const range = rangeOf(context, c.req.valid('query'))
    return ask(context, c, async (reader) => {
      const { covered, stepMs, services } = await readOverview(reader, range)
      const answer = { ...formatRange(range), ...(covered && { covered: formatRange(covered) }) }
      return c.json({ ...answer, stepMs, services }, 200)
    })
  })
}

function formatRange({ fromMs, toMs }: TimeRange): { from: string; to: string } {
  return { from: formatTime(fromMs), to: formatTime(toMs) }
}
