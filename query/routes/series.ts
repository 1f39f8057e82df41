import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { parseProfileType } from '../../infra/contract/profile.ts'
import { SeriesAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import {
  byParameter,
  integerParameter,
  json,
  labelsOf,
  scopeOf,
  scopeParameters,
  stepOf,
  stepParameter,
} from '../parameters.ts'
import { secondsOf } from '../read/scope.ts'
import { readSeries } from '../read/series.ts'
import { formatTime } from '../time.ts'

const DEFAULT_LIMIT = 20

const route = createRoute({
  method: 'get',
  path: '/api/v1/series',
  summary: 'Values over time, by labels: the largest series, and the rest as one',
  request: {
    query: z.object({
      ...scopeParameters,
      step: stepParameter,
      by: byParameter,
      limit: integerParameter(1, 1000, `Series to tell apart. Default ${DEFAULT_LIMIT}.`),
    }),
  },
  responses: json(SeriesAnswer, 'Sums per step; for cores divide nanoseconds by the step.'),
})

export function addSeries(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const values = c.req.valid('query')
    const scope = scopeOf(context, values)
    const question = {
      ...scope,
      by: labelsOf(values.by),
      stepMs: stepOf(scope.range, values.step),
      limit: values.limit ?? DEFAULT_LIMIT,
    }
    return ask(context, c, async (reader) => {
      const { stepMs, series, note } = await readSeries(reader, question)
      const answer = {
        type: scope.type,
        unit: parseProfileType(scope.type)?.sampleUnit ?? '',
        // Steps count from the first whole second of the range.
        from: formatTime(secondsOf(scope.range).from * 1000),
        to: formatTime(scope.range.toMs),
        stepMs,
        series: series.map((one) => ({ ...one })),
        ...(note !== null && { note }),
      }
      return c.json(answer, 200)
    })
  })
}
