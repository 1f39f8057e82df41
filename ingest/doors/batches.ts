import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { BATCH_HEADERS } from '../../infra/contract/batch.ts'
import type { BatchIntake } from '../batch-intake.ts'
import { ANSWERS, PROFILE_BODY } from './answers.ts'
import type { BodyReader } from './body.ts'

const route = createRoute({
  method: 'post',
  path: '/api/v1/batches',
  summary: "Take a collector's batch: one host and window",
  description:
    `The headers ${Object.values(BATCH_HEADERS).join(', ')} say whose batch it is. ` +
    'A batch sent twice is stored once.',
  request: { body: PROFILE_BODY },
  responses: ANSWERS,
})

export function addBatchDoor(app: OpenAPIHono, intake: BatchIntake, bodies: BodyReader): void {
  app.openapi(route, (c) =>
    bodies.withBody(c, async (body) => {
      const [result] = await intake.write([{ headers: c.req.header(), body }])
      if (result?.kind !== 'stored') throw result?.error
      const { duplicate, profiles, samples } = result
      return c.json({ duplicate, profiles, samples }, 200)
    }),
  )
}
