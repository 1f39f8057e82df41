import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { PushIntake } from '../push-intake.ts'
import { ANSWERS, PROFILE_BODY } from './answers.ts'
import type { BodyReader } from './body.ts'
import { parseTime } from './time-parameter.ts'

// A parameter given twice comes as an array.
const One = z.string('expected one value')
const Text = One.optional()

const query = z
  .object({
    service: Text.openapi({ description: 'Required unless the samples have a label `service`.' }),
    version: Text.openapi({ description: 'What a deploy changes; default `unknown`.' }),
    host: Text.openapi({ description: 'Default `unknown`.' }),
    from: Text.openapi({ description: 'Start of the profile; default what the profile says.' }),
    to: Text.openapi({ description: 'End of the profile.' }),
  })
  .catchall(One)

const route = createRoute({
  method: 'post',
  path: '/api/v1/profiles',
  summary: 'Take a pprof profile of any program, with all its sample types',
  description:
    'Parameters other than `from` and `to` are labels of every sample. The same profile with the ' +
    'same parameters is stored once.',
  request: { query, body: PROFILE_BODY },
  responses: ANSWERS,
})

export function addProfileDoor(
  app: OpenAPIHono,
  intake: PushIntake,
  bodies: BodyReader,
  now: () => number,
): void {
  app.openapi(route, (c) => {
    const { from, to, ...labels } = c.req.valid('query')
    const times = {
      ...(from !== undefined && { fromMs: parseTime('from', from, now()) }),
      ...(to !== undefined && { toMs: parseTime('to', to, now()) }),
    }
    if (times.fromMs !== undefined && times.toMs !== undefined && times.toMs < times.fromMs)
      throw new FlamewatchError('malformed', '`to` is before `from`.', { status: 400 })
    const parameters = JSON.stringify(Object.entries(c.req.valid('query')).sort())
    return bodies.withBody(c, async (body) => {
      const push = { body, labels, parameters, ...times }
      const { duplicate, profiles, samples } = await intake.write(push)
      return c.json({ duplicate, profiles, samples }, 200)
    })
  })
}
