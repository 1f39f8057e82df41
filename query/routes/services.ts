import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { ServicesAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { json, rangeOf, timeParameters } from '../parameters.ts'
import { readOverview } from '../read/overview.ts'
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
      const overview = await readOverview(reader, range)
      const { fromMs, toMs } = range
      return c.json({ from: formatTime(fromMs), to: formatTime(toMs), ...overview }, 200)
    })
  })
}
