import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { FlamegraphAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import {
  failures,
  JSON_NODES,
  MAX_NODES,
  maxNodesParameter,
  SVG_NODES,
  scopeOf,
  scopeParameters,
} from '../parameters.ts'
import { answerTree } from '../read/answer.ts'
import { describeFlamegraph, drawOne } from './drawing.ts'
import { fileFormats, sendColumns, sendFolded, sendPprof, sendSvg } from './formats.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/flamegraph',
  summary: 'The flame graph of what a selector matches; services are merged',
  request: {
    query: z.object({
      ...scopeParameters,
      max_nodes: maxNodesParameter,
      format: z.enum(['json', 'columns', 'pprof', 'folded', 'svg']).default('json'),
    }),
  },
  responses: {
    200: {
      description: 'Frames breadth first, or the stacks as a file.',
      content: { 'application/json': { schema: FlamegraphAnswer }, ...fileFormats },
    },
    ...failures,
  },
})

export function addFlamegraph(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const { format, max_nodes: maxNodes, ...values } = c.req.valid('query')
    const scope = scopeOf(context, values)
    return ask(context, c, async (reader) => {
      const answer = await answerTree(reader, context.dictionaries, [scope])
      switch (format) {
        case 'json':
          return c.json(describeFlamegraph(drawOne(answer, maxNodes ?? JSON_NODES)), 200)
        case 'columns':
          return sendColumns(c, drawOne(answer, maxNodes ?? MAX_NODES))
        case 'pprof':
          return sendPprof(c, answer, 0)
        case 'folded':
          return sendFolded(c, answer)
        case 'svg':
          return sendSvg(c, drawOne(answer, maxNodes ?? SVG_NODES))
      }
    })
  })
}
