import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { HistoryAnswer, NeighboursAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import {
  byParameter,
  integerParameter,
  JSON_NODES,
  json,
  labelsOf,
  maxNodesParameter,
  scopeOf,
  scopeParameters,
  stepOf,
  stepParameter,
} from '../parameters.ts'
import type { AnsweredTree } from '../read/answer.ts'
import { answerTree, unitOf } from '../read/answer.ts'
import { findFunctions, readHistory } from '../read/history.ts'
import { formatTime } from '../time.ts'
import type { CallTree } from '../tree/call-tree.ts'
import { sumUp } from '../tree/call-tree.ts'
import { tabulate } from '../tree/function-table.ts'
import { describeFunction, idOf } from '../tree/functions.ts'
import { findNeighbours } from '../tree/neighbours.ts'
import type { Sums } from '../tree/sums.ts'
import { describeFlamegraph, drawOne } from './drawing.ts'

const functionParameter = z.string().min(1).openapi({
  description: 'Id of a function, or its exact name; the functions of one name count as one.',
  example: 'main',
})

const neighboursRoute = createRoute({
  method: 'get',
  path: '/api/v1/functions/neighbours',
  summary: 'Who calls a function and whom it calls, from whole stacks',
  request: {
    query: z.object({
      function: functionParameter,
      ...scopeParameters,
      max_nodes: maxNodesParameter,
    }),
  },
  responses: json(NeighboursAnswer, 'Two flame graphs whose node 0 is the function.'),
})

const historyRoute = createRoute({
  method: 'get',
  path: '/api/v1/functions/history',
  summary: 'A function over time, by labels',
  request: {
    query: z.object({
      function: functionParameter,
      ...scopeParameters,
      by: byParameter,
      step: stepParameter,
      limit: integerParameter(1, 100, 'Series to tell apart, the largest ones. Default 20.'),
    }),
  },
  responses: json(HistoryAnswer, 'Sums per step, with the total of all stacks beside.'),
})

export function addNeighbours(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(neighboursRoute, (c) => {
    const { function: wanted, max_nodes: maxNodes, ...values } = c.req.valid('query')
    const scope = scopeOf(context, values)
    return ask(context, c, async (reader) => {
      const answer = await answerTree(reader, context.dictionaries, [scope])
      return c.json(describeNeighbours(answer, wanted, maxNodes ?? JSON_NODES), 200)
    })
  })
  app.openapi(historyRoute, (c) => {
    const { function: wanted, by, step, limit, ...values } = c.req.valid('query')
    const scope = scopeOf(context, values)
    const question = {
      ...scope,
      by: labelsOf(by),
      stepMs: stepOf(scope.range, step),
      limit: limit ?? 20,
    }
    return ask(context, c, async (reader) => {
      const functions = await findFunctions(reader, wanted)
      const [first] = functions
      if (first === undefined) throw unknownFunction(wanted)
      const ids = functions.map(({ id }) => BigInt(id))
      const { range, stepMs, series, note } = await readHistory(reader, question, ids)
      const answer = {
        function: first,
        type: scope.type,
        unit: unitOf(scope),
        from: formatTime(range.fromMs),
        to: formatTime(range.toMs),
        stepMs,
        series: series.map((one) => ({ ...one, labels: { ...one.labels } })),
        ...(note !== null && { note }),
      }
      return c.json(answer, 200)
    })
  })
}

function describeNeighbours(
  answer: AnsweredTree,
  wanted: string,
  maxNodes: number,
): NeighboursAnswer {
  const { tree } = answer
  const targets = findTargets(answer, wanted)
  const [main] = targets
  if (main === undefined) throw unknownFunction(wanted)
  const { callers, callees } = findNeighbours(tree, new Set(targets))
  const draw = (part: CallTree) =>
    describeFlamegraph(drawOne({ ...answer, tree: sumUp(part) }, maxNodes, main))
  const drawn = { callers: draw(callers), callees: draw(callees) }
  const { flat, cum } = drawn.callees.nodes
  return {
    function: describeFunction(tree.functions, main),
    flat: flat[0] ?? 0,
    cum: cum[0] ?? 0,
    ...drawn,
  }
}

/** Numbers of the functions meant, the one with most `cum` first. */
function findTargets({ tree }: AnsweredTree, wanted: string): number[] {
  const { functions } = tree
  const table = tabulate(tree)
  const id = /^\d{1,20}$/.test(wanted) ? BigInt(wanted) : null
  const byId = [...table.present].filter((fn) => id !== null && idOf(functions, fn) === id)
  if (byId.length > 0) return byId
  const cum = table.cum[0] as Sums
  return [...table.present]
    .filter((fn) => functions.names[fn] === wanted)
    .sort((x, y) => cum.approximate(y) - cum.approximate(x))
}

function unknownFunction(wanted: string): FlamewatchError {
  return new FlamewatchError(
    'not_found',
    `No function ${JSON.stringify(wanted.slice(0, 200))} is in what was asked for.`,
    { hint: 'GET /api/v1/functions lists names and ids.', status: 404 },
  )
}
