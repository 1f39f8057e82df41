import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULTS, formatUrl, parseUrl, type UrlState } from './url-state.ts'

function parse(url: string): UrlState {
  const { pathname, search } = new URL(url, 'http://localhost')
  return parseUrl(pathname, search)
}

// Links people have. Never edit one: add new ones.
const GOLDEN: readonly (readonly [string, Partial<UrlState>])[] = [
  ['/', {}],
  ['/?from=now-6h&to=now', { from: 'now-6h' }],
  ['/s/checkout', { page: 'service', service: 'checkout' }],
  [
    '/s/checkout/flame?b=v2.15.0&b_from=2026-11-25T10:00:00Z&b_to=2026-11-25T11:00:00Z&q=json',
    {
      page: 'flame',
      service: 'checkout',
      b: { version: 'v2.15.0', from: '2026-11-25T10:00:00Z', to: '2026-11-25T11:00:00Z' },
      search: 'json',
    },
  ],
  [
    '/s/checkout/diff?from=now-24h&type=process_cpu:cpu:nanoseconds:cpu:nanoseconds&where=host%3D%22a%22&a=v1&b=v2&norm=host&width=b&panes=graph&side=a&up=1&fold=1&frame=88a93c551fb723&zoom=0.25,0.5&sort=-cumB&fn=4399586434600985918',
    {
      page: 'diff',
      service: 'checkout',
      from: 'now-24h',
      type: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
      where: 'host="a"',
      a: { version: 'v1', from: null, to: null },
      b: { version: 'v2', from: null, to: null },
      normalize: 'host',
      width: 'b',
      panes: 'graph',
      side: 'a',
      upward: true,
      fold: true,
      frame: '88a93c551fb723',
      zoom: [0.25, 0.5],
      sort: '-cumB',
      fn: '4399586434600985918',
    },
  ],
  ['/s/a%2Fb%20c', { page: 'service', service: 'a/b c' }],
  ['/s/~?service=..', { page: 'service', service: '..' }],
  ['/s/x/diff?b=', { page: 'diff', service: 'x', b: { version: '', from: null, to: null } }],
  [
    '/s/x?later=key&from=now-2h',
    { page: 'service', service: 'x', from: 'now-2h', rest: [['later', 'key']] },
  ],
]

describe('addresses', () => {
  it.each(GOLDEN)('%s opens what it always opened', (url, part) => {
    expect(parse(url)).toEqual({ ...DEFAULTS, ...part })
  })

  it.each(GOLDEN)('%s is written as it was read', (url) => {
    expect(parse(formatUrl(parse(url)))).toEqual(parse(url))
  })

  it('come back whatever the state', () => {
    const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 8 }))
    const maybe = fc.option(text, { nil: null })
    const side = fc.record({ version: maybe, from: maybe, to: maybe })
    const anyState: fc.Arbitrary<UrlState> = fc.record({
      page: fc.constantFrom('service', 'flame', 'diff'),
      service: fc.oneof(text, fc.constantFrom('.', '..', '~', '', '%2e', '/', 'a/b')),
      from: fc.constantFrom('now-1h', 'now-7d', '2026-11-25T10:00:00Z'),
      to: fc.constantFrom('now', '2026-11-25T11:00:00Z'),
      type: text,
      where: text,
      a: side,
      b: side,
      normalize: fc.constantFrom('share', 'host', 'raw'),
      width: fc.constantFrom('union', 'a', 'b'),
      panes: fc.constantFrom('split', 'graph', 'table', 'sandwich'),
      side: fc.constantFrom('diff', 'a', 'b'),
      upward: fc.boolean(),
      fold: fc.boolean(),
      frame: maybe,
      zoom: fc.constantFrom(null, [0.25, 0.5], [0, 1e-9]),
      search: text,
      sort: text,
      fn: maybe,
      rest: fc.constantFrom(
        [],
        [['unknown', 'x y&z=1']],
        [
          ['k', ''],
          ['k', 'twice'],
        ],
      ),
    })
    fc.assert(
      fc.property(anyState, (state) => {
        // An address has no lone surrogates and no other states than those it can hold.
        const sound = JSON.parse(
          JSON.stringify(state, (_, v) => (typeof v === 'string' ? v.toWellFormed() : v)),
        )
        expect(parse(formatUrl(state))).toEqual(sound)
      }),
      { numRuns: 500 },
    )
  })

  it('fall back to the default where a value means nothing', () => {
    const { rest: _, ...state } = parse(
      '/s/x/diff?norm=cubits&width=9&panes=sofa&side=c&zoom=1,0&zoom=a,b&up=yes',
    )
    const { rest: __, ...defaults } = DEFAULTS
    expect(state).toEqual({ ...defaults, page: 'diff', service: 'x' })
  })

  it('never throw, whatever they are', () => {
    for (const url of [
      '/s/%E0%A4%A',
      '/s//diff',
      '/x/y/z',
      '/s/a/unknown',
      '/?zoom=NaN,NaN',
      '/?zoom=-1,2',
    ])
      expect(parse(url).zoom).toBeNull()
  })

  it('keep a deep zoom to a ten-thousandth of the view', () => {
    const width = 2 ** -40
    const zoom = [0.123456789, 0.123456789 + width] as const
    const back = parse(formatUrl({ ...DEFAULTS, page: 'diff', service: 'x', zoom }))
      .zoom as readonly [number, number]
    expect(Math.abs(back[0] - zoom[0])).toBeLessThan(width / 1000)
    expect(Math.abs(back[1] - zoom[1])).toBeLessThan(width / 1000)
  })

  it('stay below 500 characters with everything set', () => {
    const [url] = GOLDEN[4] as [string, unknown]
    expect(formatUrl(parse(url)).length).toBeLessThan(500)
  })
})
