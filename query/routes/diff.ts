import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { DiffAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import {
  failures,
  JSON_NODES,
  MAX_NODES,
  maxNodesParameter,
  SVG_NODES,
  sideParameters,
  sidesOf,
} from '../parameters.ts'
import { answerTree } from '../read/answer.ts'
import { describeDiff, drawDiff } from './drawing.ts'
import { fileFormats, sendColumns, sendFolded, sendPprof, sendSvg } from './formats.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/diff',
  summary: 'Two flame graphs as one: joined first, cut after, what was cut stated',
  request: {
    query: z.object({
      ...sideParameters,
      max_nodes: maxNodesParameter,
      format: z.enum(['json', 'columns', 'pprof', 'folded', 'svg']).default('json'),
      side: z.enum(['a', 'b']).default('a').openapi({ description: 'Of the pprof.' }),
    }),
  },
  responses: {
    200: {
      description: 'Frames breadth first with the values of both sides, or a file.',
      content: { 'application/json': { schema: DiffAnswer }, ...fileFormats },
    },
    ...failures,
  },
})

export function addDiff(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const { format, max_nodes: maxNodes, normalize, side, ...values } = c.req.valid('query')
    const scopes = sidesOf(context, values)
    return ask(context, c, async (reader) => {
      const answer = await answerTree(reader, context.dictionaries, scopes)
      switch (format) {
        case 'json':
          return c.json(describeDiff(drawDiff(answer, normalize, maxNodes ?? JSON_NODES)), 200)
        case 'columns':
          return sendColumns(c, drawDiff(answer, normalize, maxNodes ?? MAX_NODES))
        case 'pprof':
          return sendPprof(c, answer, side === 'a' ? 0 : 1)
        case 'folded':
          return sendFolded(c, answer)
        case 'svg':
          return sendSvg(c, drawDiff(answer, normalize, maxNodes ?? SVG_NODES))
      }
    })
  })
}
