import type {
  CollectorsAnswer,
  ComparedFunctionsAnswer,
  ErrorBody,
  FunctionsAnswer,
  LabelsAnswer,
  LabelValuesAnswer,
  NeighboursAnswer,
  Normalize,
  RegressionsAnswer,
  SeriesAnswer,
  ServicesAnswer,
} from '../query/api.ts'

// The only file that talks to the server. Answers are typed by query/api.ts and, but for the binary
// columns, not checked again: page and server are one version.

/** An answer that is none: what the server said, or that it could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  readonly hint: string
  /** 0 when there was no answer at all. */
  readonly status: number

  constructor(status: number, code: string, message: string, hint: string) {
    super(message)
    this.status = status
    this.code = code
    this.hint = hint
  }
}

/** What one side of a question is about; times in unix milliseconds. */
export type Part = { readonly query: string; readonly fromMs: number; readonly toMs: number }

type Params = Readonly<Record<string, string | number | undefined>>

/** The address of a question, as the page asks it and as links and curl lines show it. */
function apiUrl(path: string, params: Params): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(params))
    if (value !== undefined && value !== '') query.set(key, String(value))
  const text = query.toString()
  return `/api/v1/${path}${text === '' ? '' : `?${text}`}`
}

function partParams(part: Part): Params {
  return { query: part.query, from: time(part.fromMs), to: time(part.toMs) }
}

function pairParams(a: Part, b: Part): Params {
  return {
    a: a.query,
    b: b.query,
    a_from: time(a.fromMs),
    a_to: time(a.toMs),
    b_from: time(b.fromMs),
    b_to: time(b.toMs),
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

export const api = {
  services: (range: { fromMs: number; toMs: number }, signal: AbortSignal) =>
    getJson<ServicesAnswer>(
      apiUrl('services', { from: time(range.fromMs), to: time(range.toMs) }),
      signal,
    ),
  collectors: (signal: AbortSignal) => getJson<CollectorsAnswer>(apiUrl('collectors', {}), signal),
  labels: (part: Part, signal: AbortSignal) =>
    getJson<LabelsAnswer>(apiUrl('labels', partParams(part)), signal),
  labelValues: (label: string, part: Part, signal: AbortSignal) =>
    getJson<LabelValuesAnswer>(
      apiUrl(`labels/${encodeURIComponent(label)}/values`, partParams(part)),
      signal,
    ),
  series: (part: Part, ask: { type: string; by: string; stepS: number }, signal: AbortSignal) =>
    getJson<SeriesAnswer>(
      apiUrl('series', {
        ...partParams(part),
        type: ask.type,
        by: ask.by,
        step: `${ask.stepS}s`,
        limit: 50,
      }),
      signal,
    ),
  functions: (
    part: Part,
    ask: { type: string; sort: string; limit: number },
    signal: AbortSignal,
  ) => getJson<FunctionsAnswer>(apiUrl('functions', { ...partParams(part), ...ask }), signal),
  comparedFunctions: (
    a: Part,
    b: Part,
    ask: { type: string; normalize: Normalize; sort: string; limit: number },
    signal: AbortSignal,
  ) =>
    getJson<ComparedFunctionsAnswer>(apiUrl('functions', { ...pairParams(a, b), ...ask }), signal),
  regressions: (
    ask: {
      readonly service: string
      readonly type: string
      readonly baseline: string
      readonly candidate: string
      readonly fromMs: number
      readonly toMs: number
    },
    signal: AbortSignal,
  ) => {
    const { fromMs, toMs, ...rest } = ask
    const range = { from: time(fromMs), to: time(toMs) }
    return getJson<RegressionsAnswer>(apiUrl('regressions', { ...rest, ...range }), signal)
  },
  neighbours: (part: Part, ask: { type: string; function: string }, signal: AbortSignal) =>
    getJson<NeighboursAnswer>(
      apiUrl('functions/neighbours', { ...partParams(part), ...ask }),
      signal,
    ),
  flamegraph: (part: Part, ask: { type: string }, signal: AbortSignal) =>
    getBytes(flamegraphUrl(part, ask.type, 'columns'), signal),
  diff: (a: Part, b: Part, ask: { type: string; normalize: Normalize }, signal: AbortSignal) =>
    getBytes(diffUrl(a, b, ask, { format: 'columns' }), signal),
}

// More frames than a screen shows by far; the server says what it cut.
const MOST_NODES = 1_000_000

export function flamegraphUrl(part: Part, type: string, format: string): string {
  return apiUrl('flamegraph', { ...partParams(part), type, format, ...everyFrame(format) })
}

export function diffUrl(
  a: Part,
  b: Part,
  ask: { type: string; normalize: Normalize },
  output: { format: string; side?: 'a' | 'b' },
): string {
  return apiUrl('diff', { ...pairParams(a, b), ...ask, ...output, ...everyFrame(output.format) })
}

// Files are whole anyway, and JSON for people is better short.
function everyFrame(format: string): Params {
  return format === 'columns' ? { max_nodes: MOST_NODES } : {}
}

async function getJson<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await request(url, signal)
  // Page and server are built from the same schemas: this is the parse boundary.
  return (await response.json()) as T
}

async function getBytes(url: string, signal: AbortSignal): Promise<ArrayBuffer> {
  return (await request(url, signal)).arrayBuffer()
}

async function request(url: string, signal: AbortSignal): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { signal })
  } catch (error) {
    if (signal.aborted) throw error
    throw new ApiError(
      0,
      'server_unreachable',
      'The server does not answer.',
      'See whether `flamewatch up` or `flamewatch serve` still runs, then try again.',
    )
  }
  if (!response.ok) throw await readError(response)
  return response
}

async function readError(response: Response): Promise<ApiError> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as ErrorBody
    return new ApiError(response.status, error.code, error.message, error.hint ?? '')
  } catch {
    return new ApiError(
      response.status,
      'internal',
      `The server answered ${response.status} ${response.statusText}.`,
      "Look into the server's log for the reason.",
    )
  }
}
