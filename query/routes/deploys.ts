import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { DEFAULT_TENANT, LABEL_LIMITS } from '../../infra/contract/labels.ts'
import { DeploysAnswer, DeployTold } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { failures, integerParameter, json } from '../parameters.ts'
import { readDeploys, writeDeploy } from '../read/deploys.ts'

const DEFAULT_LIMIT = 100
const MOST_BODY_BYTES = 16_384
const MOST_TEXT = 2048

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/deploys',
  summary: 'Versions by when they were first seen, the newest first, with commit and link',
  request: {
    query: z.object({
      service: z
        .string()
        .optional()
        .openapi({ description: 'Of one service; of all if left out.' }),
      limit: integerParameter(1, 10_000, `Deploys to send. Default ${DEFAULT_LIMIT}.`),
    }),
  },
  responses: json(DeploysAnswer, 'Deploys.'),
})

const plainText = (most: number) =>
  z
    .string()
    .max(most, `expected at most ${most} characters`)
    .regex(/^\P{Cc}*$/u, 'expected no control characters')

const Note = z
  .object({
    service: plainText(LABEL_LIMITS.valueBytes).min(1),
    version: plainText(LABEL_LIMITS.valueBytes).min(1),
    commit: plainText(MOST_TEXT).default(''),
    link: z
      .union([z.literal(''), z.url({ protocol: /^https?$/, error: 'expected an http address' })])
      .default(''),
  })
  .openapi('DeployNote')

const tellRoute = createRoute({
  method: 'post',
  path: '/api/v1/deploys',
  summary: 'Adds a commit and a link to a version, also before it is first seen',
  middleware: bodyLimit({ maxSize: MOST_BODY_BYTES }),
  request: {
    body: { required: true, content: { 'application/json': { schema: Note } } },
  },
  responses: {
    200: {
      description: 'Stored.',
      content: { 'application/json': { schema: DeployTold } },
    },
    ...failures,
  },
})

export function addDeploys(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(listRoute, (c) => {
    const { service, limit = DEFAULT_LIMIT } = c.req.valid('query')
    return ask(context, c, async (reader) =>
      c.json({ deploys: await readDeploys(reader, service, limit) }, 200),
    )
  })
  app.openapi(tellRoute, async (c) => {
    const note = c.req.valid('json')
    await writeDeploy(context.store, DEFAULT_TENANT, note, context.now())
    return c.json(note, 200)
  })
}
