import type { Normalize } from '../query/api.ts'
import type { WidthMode } from './flamegraph/layout.ts'

// Everything visible is in the address, so that a link shows what its sender saw. Keys and values
// are part of the product: an old link opens in every later version (url-state.test.ts keeps golden
// ones), unknown keys are ignored and kept, values nobody knows fall back to the default.

/** Which page: services, one service, its flame graph, or the comparison of two of its parts. */
export type Page = 'services' | 'service' | 'flame' | 'diff'
export type Panes = 'split' | 'graph' | 'table' | 'sandwich'
export type ShownSide = 'a' | 'diff' | 'b'

/** One side of a comparison; null = left to the page, version '' = all versions. */
export type SideChoice = {
  readonly version: string | null
  readonly from: string | null
  readonly to: string | null
}

export type UrlState = {
  readonly page: Page
  readonly service: string
  readonly from: string
  readonly to: string
  /** Profile type, '' = the first the service has. */
  readonly type: string
  /** Further matchers, without braces: `host="a", region="eu"`. */
  readonly where: string
  /** What is compared with; B is what is looked at, also alone. */
  readonly a: SideChoice
  readonly b: SideChoice
  readonly normalize: Normalize
  readonly width: WidthMode
  readonly panes: Panes
  readonly side: ShownSide
  /** Root at the bottom. */
  readonly upward: boolean
  /** Direct recursion drawn as one frame. */
  readonly fold: boolean
  /** Frame the view is zoomed to (flamegraph/node-id.ts). */
  readonly frame: string | null
  /** Visible part as shares of the whole, where it is not the frame's. */
  readonly zoom: readonly [number, number] | null
  readonly search: string
  /** Column of the function table, descending unless it starts with '-'. */
  readonly sort: string
  /** Function id: highlighted, or the middle of the sandwich. */
  readonly fn: string | null
  /** Keys of other versions, kept as they are. */
  readonly rest: readonly (readonly [string, string])[]
}

const NO_CHOICE: SideChoice = { version: null, from: null, to: null }

export const DEFAULTS: UrlState = {
  page: 'services',
  service: '',
  from: 'now-1h',
  to: 'now',
  type: '',
  where: '',
  a: NO_CHOICE,
  b: NO_CHOICE,
  normalize: 'share',
  width: 'union',
  panes: 'split',
  side: 'diff',
  upward: false,
  fold: false,
  frame: null,
  zoom: null,
  search: '',
  sort: '',
  fn: null,
  rest: [],
}

const KNOWN = new Set(
  'service from to type where a a_from a_to b b_from b_to norm width panes side up fold frame zoom q sort fn'.split(
    ' ',
  ),
)

/** Reads `pathname` and `search` of an address. Never throws: what cannot be read is the default. */
export function parseUrl(pathname: string, search: string): UrlState {
  const params = new URLSearchParams(search)
  const { page, service } = parsePath(pathname, params.get('service'))
  return {
    page,
    service,
    from: params.get('from') || DEFAULTS.from,
    to: params.get('to') || DEFAULTS.to,
    type: params.get('type') ?? '',
    where: params.get('where') ?? '',
    a: sideOf(params, 'a'),
    b: sideOf(params, 'b'),
    normalize: oneOf(params.get('norm'), ['share', 'host', 'raw']),
    width: oneOf(params.get('width'), ['union', 'a', 'b']),
    panes: oneOf(params.get('panes'), ['split', 'graph', 'table', 'sandwich']),
    side: oneOf(params.get('side'), ['diff', 'a', 'b']),
    upward: params.get('up') === '1',
    fold: params.get('fold') === '1',
    frame: params.get('frame'),
    zoom: parseZoom(params.get('zoom')),
    search: params.get('q') ?? '',
    sort: params.get('sort') ?? '',
    fn: params.get('fn'),
    rest: [...params].filter(([key]) => !KNOWN.has(key)),
  }
}

function parsePath(pathname: string, named: string | null): { page: Page; service: string } {
  const [, first, name = '', view = ''] = pathname.split('/')
  if (first !== 's' || name === '') return { page: 'services', service: '' }
  const service = name === NAMED_BY_KEY && named !== null ? named : decode(name)
  return { page: view === 'flame' || view === 'diff' ? view : 'service', service }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function sideOf(params: URLSearchParams, side: 'a' | 'b'): SideChoice {
  return {
    version: params.get(side),
    from: params.get(`${side}_from`),
    to: params.get(`${side}_to`),
  }
}

// The first of `known` is the default.
function oneOf<T extends string>(value: string | null, known: readonly [T, ...T[]]): T {
  return known.find((candidate) => candidate === value) ?? known[0]
}

function parseZoom(text: string | null): readonly [number, number] | null {
  const parts = text?.split(',').map(Number)
  if (parts?.length !== 2) return null
  const [from, to] = parts as [number, number]
  return from >= 0 && to > from && to <= 1 ? [from, to] : null
}

/** The address of a state: path and query, defaults left out. */
export function formatUrl(state: UrlState): string {
  const params: [string, string][] = []
  const put = (key: string, value: string | null, standard: string | null): void => {
    if (value !== null && value !== standard) params.push([key, value])
  }
  const byKey = state.page !== 'services' && /^\.{0,2}$/.test(state.service)
  if (byKey) put('service', state.service, null)
  put('from', state.from, DEFAULTS.from)
  put('to', state.to, DEFAULTS.to)
  put('type', state.type, '')
  put('where', state.where, '')
  for (const side of ['a', 'b'] as const) {
    put(side, state[side].version, null)
    put(`${side}_from`, state[side].from, null)
    put(`${side}_to`, state[side].to, null)
  }
  put('norm', state.normalize, DEFAULTS.normalize)
  put('width', state.width, DEFAULTS.width)
  put('panes', state.panes, DEFAULTS.panes)
  put('side', state.side, DEFAULTS.side)
  put('up', state.upward ? '1' : null, null)
  put('fold', state.fold ? '1' : null, null)
  put('frame', state.frame, null)
  put('zoom', state.zoom ? formatZoom(state.zoom) : null, null)
  put('q', state.search, '')
  put('sort', state.sort, '')
  put('fn', state.fn, null)
  const query = [...params, ...state.rest].map(
    ([key, value]) => `${escapeQuery(key)}=${escapeQuery(value)}`,
  )
  return pathOf(state, byKey) + (query.length > 0 ? `?${query.join('&')}` : '')
}

// Browsers resolve the path segments `.` and `..`, however they are escaped: such a service is
// named by a key instead.
const NAMED_BY_KEY = '~'

function pathOf(state: UrlState, byKey: boolean): string {
  if (state.page === 'services') return '/'
  const name = byKey ? NAMED_BY_KEY : encodeURIComponent(state.service.toWellFormed())
  return state.page === 'service' ? `/s/${name}` : `/s/${name}/${state.page}`
}

// What a query may hold unescaped stays readable: times and versions have colons and slashes.
function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%(3A|2F|2C|40)/g, decodeURIComponent)
}

// As many digits as place the edges to a ten-thousandth of the view.
function formatZoom([from, to]: readonly [number, number]): string {
  const digits = Math.min(17, 5 - Math.floor(Math.log10(to - from)))
  return [from, to].map((edge) => Number(edge.toPrecision(digits))).join(',')
}
