import { z } from '@hono/zod-openapi'
import { CPU_TYPE, parseProfileType } from '../infra/contract/profile.ts'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import { ErrorBody, Normalize } from './api.ts'
import type { QueryContext } from './context.ts'
import type { Scope } from './read/scope.ts'
import { checkLabelName, parseSelector } from './selector.ts'
import type { TimeRange } from './time.ts'
import { chooseStep, parseDuration, parseRange } from './time.ts'

// Parameters that several routes share, with what the OpenAPI document says about them.

function parameter<T extends z.ZodType>(schema: T, description: string, example?: string): T {
  return schema.openapi({
    description,
    ...(example !== undefined && { example }),
  }) as T
}

const TIME = 'RFC 3339, unix milliseconds, or relative: now-1h.'

export const timeParameters = {
  from: parameter(z.string().optional(), `Inclusive. ${TIME} Default: an hour before \`to\`.`),
  to: parameter(z.string().optional(), `Exclusive. ${TIME} Default: now.`),
}

export const queryParameter = parameter(
  z.string().default(''),
  'Selector of Prometheus matchers; empty matches everything.',
  '{service="checkout", version=~"v4.*"}',
)

export const typeParameter = parameter(
  z
    .string()
    .refine((type) => parseProfileType(type) !== null, {
      message: 'expected name:sample_type:sample_unit:period_type:period_unit',
    })
    .default(CPU_TYPE),
  'Profile type.',
)

export const scopeParameters = {
  query: queryParameter,
  type: typeParameter,
  ...timeParameters,
}

export const sideParameters = {
  a: parameter(z.string().default(''), 'Selector of the baseline.', '{version="v1"}'),
  b: parameter(z.string().default(''), 'Selector of the candidate.', '{version="v2"}'),
  type: typeParameter,
  a_from: timeParameters.from,
  a_to: timeParameters.to,
  b_from: timeParameters.from,
  b_to: timeParameters.to,
  normalize: parameter(
    Normalize.default('share'),
    'What is compared: the share of a side, the value per second a host was profiled, or the value.',
  ),
}

export function integerParameter(least: number, most: number, description: string) {
  return parameter(z.coerce.number().int().min(least).max(most).optional(), description)
}

/** A share from 0 to 1. */
export function shareParameter(usual: number, description: string) {
  // Said again for the document, which takes a coerced number for one that may be null.
  const share = z.coerce.number().min(0).max(1).optional().openapi({ type: 'number' })
  return parameter(share, `${description} Default ${usual}.`)
}

export const MAX_NODES = 1_000_000
export const JSON_NODES = 20_000
export const SVG_NODES = 5_000

export const maxNodesParameter = integerParameter(
  1,
  MAX_NODES,
  `Most frames to send; smaller ones are summed under their parents. Default ${JSON_NODES} as ` +
    `json, ${SVG_NODES} as svg, ${MAX_NODES} as columns; pprof and folded are whole.`,
)

export const stepParameter = parameter(
  z.string().optional(),
  'Duration of a step, whole seconds: 30s, 5m, 1h. Default: some 120 steps.',
)

export const byParameter = parameter(
  z.string().default(''),
  'Labels to tell series apart by, separated by commas.',
  'host,version',
)

const MAX_STEPS = 11_000
const DEFAULT_STEPS = 120

/** Milliseconds. Throws `malformed` or `out_of_range`. */
export function stepOf(range: TimeRange, step: string | undefined): number {
  if (step === undefined) return chooseStep(range, DEFAULT_STEPS)
  const ms = parseDuration(step, 'step')
  if (ms % 1000 === 0 && (range.toMs - range.fromMs) / ms <= MAX_STEPS) return ms
  throw new FlamewatchError(
    'out_of_range',
    `Expected step to be whole seconds and the range to have at most ${MAX_STEPS} steps, got ${step}.`,
    { hint: 'Ask for a longer step or a shorter range.', status: 400 },
  )
}

/** Names of labels. Throws `malformed`. */
export function labelsOf(by: string): string[] {
  const names = [...new Set(by.split(',').map((name) => name.trim()))].filter((name) => name !== '')
  for (const name of names) checkLabelName(name)
  return names
}

type RangeValues = { readonly from?: string | undefined; readonly to?: string | undefined }

export function rangeOf(context: QueryContext, { from, to }: RangeValues, prefix = ''): TimeRange {
  return parseRange(from, to, { nowMs: context.now(), maxDays: context.maxDays, prefix })
}

type ScopeValues = RangeValues & { readonly query: string; readonly type: string }

export function scopeOf(context: QueryContext, values: ScopeValues, prefix = ''): Scope {
  const selector = parseSelector(values.query)
  return { selector, type: values.type, range: rangeOf(context, values, prefix) }
}

type SideValues = {
  readonly a: string
  readonly b: string
  readonly type: string
  readonly a_from?: string | undefined
  readonly a_to?: string | undefined
  readonly b_from?: string | undefined
  readonly b_to?: string | undefined
}

/** Scopes of baseline and candidate. */
export function sidesOf(context: QueryContext, values: SideValues): [Scope, Scope] {
  const { type } = values
  const a = { query: values.a, type, from: values.a_from, to: values.a_to }
  const b = { query: values.b, type, from: values.b_from, to: values.b_to }
  return [scopeOf(context, a, 'a_'), scopeOf(context, b, 'b_')]
}

function failure(description: string) {
  return { description, content: { 'application/json': { schema: ErrorBody } } }
}

/** What any route may answer instead. */
export const failures = {
  400: failure('A parameter is not understood.'),
  422: failure('The question is over the limits of the server.'),
  503: failure(
    'Too many questions wait, or the store is away; Retry-After says when to ask again.',
  ),
}

export function json<T extends z.ZodType>(schema: T, description: string) {
  return { 200: { description, content: { 'application/json': { schema } } }, ...failures }
}
