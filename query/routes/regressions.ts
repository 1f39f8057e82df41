import type { OpenAPIHono } from '@hono/zod-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import { RegressionsAnswer } from '../api.ts'
import type { QueryContext } from '../context.ts'
import { ask } from '../context.ts'
import { DEFAULT_THRESHOLDS } from '../judge/decide.ts'
import {
  failures,
  integerParameter,
  rangeOf,
  shareParameter,
  timeParameters,
  typeParameter,
} from '../parameters.ts'
import type { Life } from '../read/lives.ts'
import { readLives } from '../read/lives.ts'
import { judgeRegressions } from '../regressions/compare.ts'
import { checkLabelName } from '../selector.ts'

const DEFAULT_LIMIT = 50
const DEFAULT_MIN_HOSTS = 5
const DEFAULT_HOURS = 24

const route = createRoute({
  method: 'get',
  path: '/api/v1/regressions',
  summary: 'Whether a version of a service is dearer than another: where, how much, how sure',
  request: {
    query: z.object({
      service: z.string().min(1).openapi({ description: 'The service.', example: 'checkout' }),
      baseline: z
        .string()
        .optional()
        .openapi({ description: 'Version. Default: the one before the candidate.' }),
      candidate: z.string().optional().openapi({ description: 'Version. Default: the newest.' }),
      type: typeParameter,
      from: timeParameters.from
        .unwrap()
        .optional()
        .openapi({
          description: `Inclusive. Default: ${DEFAULT_HOURS} hours before \`to\`.`,
        }),
      to: timeParameters.to,
      normalize: z
        .enum(['share', 'reference'])
        .default('share')
        .openapi({
          description:
            'share: of all samples of the service. reference: as share, with the whole scaled so that ' +
            'most functions stay as they were; after one that grew by percents.',
        }),
      cluster_by: z.string().default('host').openapi({
        description: 'Label whose values are the replicates: what shares no noise.',
      }),
      design: z.enum(['auto', 'did', 'canary', 'paired', 'days']).default('auto').openapi({
        description: 'How to compare; auto is the strongest there is data for.',
      }),
      q: shareParameter(DEFAULT_THRESHOLDS.q, 'False discovery rate.'),
      min_abs: shareParameter(
        DEFAULT_THRESHOLDS.minAbs,
        'Least change worth naming, of the service.',
      ),
      min_rel: shareParameter(DEFAULT_THRESHOLDS.minRel, 'Least change beside what it was.'),
      fail_on: shareParameter(DEFAULT_THRESHOLDS.failOn, 'The change a verdict is about.'),
      min_hosts: integerParameter(
        2,
        1000,
        `Effective hosts each version needs for a verdict. Default ${DEFAULT_MIN_HOSTS}.`,
      ),
      looks: integerParameter(
        1,
        1000,
        'How often this is asked altogether, by whoever polls: q is divided by it. Default 1.',
      ),
      limit: integerParameter(1, 1000, `Rows of each kind. Default ${DEFAULT_LIMIT}.`),
    }),
  },
  responses: {
    200: {
      description: 'The verdict, what it rests on, and the functions.',
      content: { 'application/json': { schema: RegressionsAnswer } },
    },
    404: failures[400],
    ...failures,
  },
})

export function addRegressions(app: OpenAPIHono, context: QueryContext): void {
  app.openapi(route, (c) => {
    const asked = c.req.valid('query')
    checkLabelName(asked.cluster_by)
    const to = rangeOf(context, { to: asked.to }).toMs
    const range = rangeOf(context, {
      to: String(to),
      from: asked.from ?? String(to - DEFAULT_HOURS * 3_600_000),
    })
    return ask(context, c, async (reader) => {
      const versions = await chooseVersions()
      const answer = await judgeRegressions(
        reader,
        context.dictionaries,
        {
          service: asked.service,
          type: asked.type,
          ...versions,
          range,
          clusterBy: asked.cluster_by,
          design: asked.design === 'auto' ? null : asked.design,
          normalize: asked.normalize,
          thresholds: {
            q: (asked.q ?? DEFAULT_THRESHOLDS.q) / (asked.looks ?? 1),
            minAbs: asked.min_abs ?? DEFAULT_THRESHOLDS.minAbs,
            minRel: asked.min_rel ?? DEFAULT_THRESHOLDS.minRel,
            failOn: asked.fail_on ?? DEFAULT_THRESHOLDS.failOn,
          },
          minHosts: asked.min_hosts ?? DEFAULT_MIN_HOSTS,
        },
        asked.limit ?? DEFAULT_LIMIT,
      )
      return c.json(answer, 200)

      async function chooseVersions() {
        const { baseline, candidate } = asked
        if (baseline !== undefined && candidate !== undefined) return { baseline, candidate }
        return pickVersions(await readLives(reader, asked.service), asked)
      }
    })
  })
}

type Picked = { readonly baseline: string; readonly candidate: string }

function pickVersions(
  lives: readonly Life[],
  asked: { service: string; baseline?: string | undefined; candidate?: string | undefined },
): Picked {
  const newest = lives.toSorted((a, b) => b.firstMs - a.firstMs)
  const others = newest.filter(({ version }) => version !== asked.baseline)
  const candidate = asked.candidate ?? others[0]?.version
  const firstMs = newest.find(({ version }) => version === candidate)?.firstMs
  // Two that came at the same time are compared, too.
  const before = newest.filter(
    (life) => life.version !== candidate && life.firstMs <= (firstMs ?? 0),
  )
  const baseline = asked.baseline ?? before[0]?.version
  if (candidate !== undefined && baseline !== undefined) return { baseline, candidate }
  throw new FlamewatchError(
    'not_found',
    `Expected two versions of ${JSON.stringify(asked.service)} to compare, got ${lives.length}.`,
    {
      hint: 'See /api/v1/services for what there is; name both with baseline and candidate.',
      status: 404,
    },
  )
}
