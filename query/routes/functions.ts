import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { ComparedFunctionsAnswer, FunctionsAnswer, type Normalize } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import {
  failures,
  integerParameter,
  scopeOf,
  scopeParameters,
  sideParameters,
  sidesOf,
} from '../parameters.ts'
import type { AnsweredSide, AnsweredTree } from '../read/answer.ts'
import { answerTree } from '../read/answer.ts'
import { largest, tabulate } from '../tree/function-table.ts'
import { describeFunction } from '../tree/functions.ts'
import type { Sums } from '../tree/sums.ts'
import { judgeSides, scalesOf } from './drawing.ts'

const DEFAULT_LIMIT = 100

const { a, b, ...times } = sideParameters

const route = createRoute({
  method: 'get',
  path: '/api/v1/functions',
  summary: 'Functions by flat or cum; with a and b compared, the largest change first',
  request: {
    query: z.object({
      ...scopeParameters,
      ...times,
      a: a.unwrap().optional(),
      b: b.unwrap().optional(),
      sort: z.enum(['flat', 'cum']).default('flat'),
      limit: integerParameter(1, 100_000, `Rows to send. Default ${DEFAULT_LIMIT}.`),
    }),
  },
  responses: {
    200: {
      description: 'Rows from whole stacks: nothing is cut before it is summed.',
      content: {
        'application/json': { schema: z.union([FunctionsAnswer, ComparedFunctionsAnswer]) },
      },
    },
    ...failures,
  },
})

type Sort = 'flat' | 'cum'

export function addFunctions(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const { a, b, sort, limit = DEFAULT_LIMIT, normalize, ...values } = c.req.valid('query')
    const compared = a !== undefined || b !== undefined
    const scopes = compared
      ? sidesOf(context, { ...values, a: a ?? '', b: b ?? '' })
      : [scopeOf(context, values)]
    return ask(context, c, async (reader) => {
      const answer = await answerTree(reader, context.dictionaries, scopes)
      if (compared) return c.json(compareFunctions(answer, { sort, limit, normalize }), 200)
      return c.json(listFunctions(answer, sort, limit), 200)
    })
  })
}

function listFunctions(answer: AnsweredTree, sort: Sort, limit: number): FunctionsAnswer {
  const { tree, unit } = answer
  const { scope, side } = answer.sides[0] as AnsweredSide
  const table = tabulate(tree)
  const [flat, cum] = [table.flat[0] as Sums, table.cum[0] as Sums]
  const column = sort === 'flat' ? flat : cum
  const cumOf = (fn: number) => cum.approximate(fn)
  const rows = largest(table, limit, (fn) => column.approximate(fn), cumOf).map((fn) => ({
    function: describeFunction(tree.functions, fn),
    flat: flat.value(fn),
    cum: cum.value(fn),
  }))
  return { type: scope.type, unit, side, rows, count: table.present.length }
}

function compareFunctions(
  answer: AnsweredTree,
  options: { readonly sort: Sort; readonly limit: number; readonly normalize: Normalize },
): ComparedFunctionsAnswer {
  const { tree, unit } = answer
  const { sort, limit, normalize } = options
  const [sideA, sideB] = answer.sides as readonly [AnsweredSide, AnsweredSide]
  const [scaleA, scaleB] = scalesOf(answer, normalize) as [number, number]
  const certainty = judgeSides(answer)
  const table = tabulate(tree)
  const [flatA, flatB] = table.flat as readonly [Sums, Sums]
  const [cumA, cumB] = table.cum as readonly [Sums, Sums]
  const [columnA, columnB] = sort === 'flat' ? [flatA, flatB] : [cumA, cumB]
  const deltaOf = (fn: number) =>
    columnB.approximate(fn) * scaleB - columnA.approximate(fn) * scaleA
  // Of two changes of one size, as there are whenever shares shift from one function to another,
  // the increase comes first; the factor also outweighs the rounding of the shares.
  const weight = (fn: number) => Math.abs(deltaOf(fn)) * (deltaOf(fn) > 0 ? 1 + 1e-9 : 1)
  const size = (fn: number) => cumA.approximate(fn) * scaleA + cumB.approximate(fn) * scaleB
  const rows = largest(table, limit, weight, size).map((fn) => ({
    function: describeFunction(tree.functions, fn),
    flatA: flatA.value(fn),
    flatB: flatB.value(fn),
    cumA: cumA.value(fn),
    cumB: cumB.value(fn),
    delta: deltaOf(fn),
    confidence: certainty.confidence(columnA.approximate(fn), columnB.approximate(fn)),
  }))
  return {
    type: sideA.scope.type,
    unit,
    normalize,
    a: sideA.side,
    b: sideB.side,
    rows,
    count: table.present.length,
    certainty: certainty.sentence,
  }
}
