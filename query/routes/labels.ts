import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { parseProfileType } from '../../infra/contract/profile.ts'
import { LabelsAnswer, LabelValuesAnswer, TypesAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { json, queryParameter, rangeOf, timeParameters } from '../parameters.ts'
import { readLabels, readLabelValues, readTypes } from '../read/labels.ts'
import { parseSelector } from '../selector.ts'

const query = z.object({ query: queryParameter, ...timeParameters })

const typesRoute = createRoute({
  method: 'get',
  path: '/api/v1/types',
  summary: 'Profile types seen in the range',
  request: { query },
  responses: json(TypesAnswer, 'Profile types.'),
})

const labelsRoute = createRoute({
  method: 'get',
  path: '/api/v1/labels',
  summary: 'Names of labels seen on the days of the range',
  request: { query },
  responses: json(LabelsAnswer, 'Names of labels.'),
})

const valuesRoute = createRoute({
  method: 'get',
  path: '/api/v1/labels/{name}/values',
  summary: 'Values of a label seen on the days of the range, 10,000 at most',
  request: { query, params: z.object({ name: z.string() }) },
  responses: json(LabelValuesAnswer, 'Values of the label.'),
})

export function addLabels(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(typesRoute, (c) => {
    const values = c.req.valid('query')
    const [selector, range] = [parseSelector(values.query), rangeOf(context, values)]
    return ask(context, c, async (reader) => {
      const types = await readTypes(reader, selector, range)
      const described = types.flatMap((type) => {
        const parts = parseProfileType(type)
        return parts === null ? [] : [{ type, ...parts }]
      })
      return c.json({ types: described }, 200)
    })
  })
  app.openapi(labelsRoute, (c) => {
    const values = c.req.valid('query')
    const [selector, range] = [parseSelector(values.query), rangeOf(context, values)]
    return ask(context, c, async (reader) =>
      c.json({ labels: await readLabels(reader, selector, range) }, 200),
    )
  })
  app.openapi(valuesRoute, (c) => {
    const values = c.req.valid('query')
    const question = {
      name: c.req.valid('param').name,
      selector: parseSelector(values.query),
      range: rangeOf(context, values),
    }
    return ask(context, c, async (reader) =>
      c.json({ values: await readLabelValues(reader, question) }, 200),
    )
  })
}
