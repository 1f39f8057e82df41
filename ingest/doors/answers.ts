import { z } from '@hono/zod-openapi'

// What both doors answer. Errors have the shape of query/api.ts, as tests/integration holds them to.

const ErrorAnswer = z
  .object({
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  })
  .openapi('Error')

export const StoredAnswer = z
  .object({
    /** True when this was stored before and nothing changed. */
    duplicate: z.boolean(),
    /** One per series and sample type. */
    profiles: z.number(),
    /** Stack and value pairs. */
    samples: z.number(),
  })
  .openapi('Stored')

const refusal = (description: string) => ({
  description,
  content: { 'application/json': { schema: ErrorAnswer } },
})

export const ANSWERS = {
  200: {
    description: 'It is stored, or was stored before.',
    content: { 'application/json': { schema: StoredAnswer } },
  },
  400: refusal('Never to be stored: malformed headers, parameters, labels or profile.'),
  413: refusal('Over a limit.'),
  415: refusal('A Content-Encoding other than gzip.'),
  422: refusal('More than 7 days old or 10 minutes ahead: code `out_of_range`.'),
  503: refusal('The store did not take it: send the same again after `Retry-After` seconds.'),
} as const

export const PROFILE_BODY = {
  description: 'pprof, gzip or plain',
  required: true,
  content: {
    'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
  },
} as const
