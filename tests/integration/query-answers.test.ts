import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { PLACEHOLDER, PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import {
  ComparedFunctionsAnswer,
  DiffAnswer,
  FlamegraphAnswer,
  FunctionsAnswer,
  HistoryAnswer,
  HostsAnswer,
  LabelsAnswer,
  LabelValuesAnswer,
  NeighboursAnswer,
  SeriesAnswer,
  ServicesAnswer,
  TypesAnswer,
} from '../../query/api.ts'
import { decodeColumns } from '../fixtures/decode-columns.ts'
import type { Parameters, TestQuery } from '../fixtures/query-app.ts'
import { createTestQuery, openTestStore } from '../fixtures/query-app.ts'
import type { StoredProfile } from '../fixtures/stored-profiles.ts'
import { frameId, stacksFromFolded, storeProfiles } from '../fixtures/stored-profiles.ts'

// The room over the real embedded store. Two services on two hosts for 40 minutes from noon;
// checkout is deployed anew at 12:20, and its render does three times the work from then on.

const NOON = Date.UTC(2026, 10, 20, 12)
const MINUTE = 60_000
const MS = 1_000_000

const CHECKOUT = (render: number) =>
  stacksFromFolded(`
    main;parse;read ${10 * MS}
    main;parse;parse;read ${20 * MS}
    main;render ${render * MS}
  `)

const broken = `${PLACEHOLDER_MODULE}!${PLACEHOLDER.broken}`

function profilesOfDay(): StoredProfile[] {
  return ['host-a', 'host-b'].flatMap((host) =>
    Array.from({ length: 240 }, (_, i) => NOON + i * 10_000).flatMap((timeMs) => {
      const deployed = timeMs >= NOON + 20 * MINUTE
      const labels = { region: host === 'host-a' ? 'eu' : 'us', demo: 'true' }
      return [
        {
          ...{ service: 'checkout', version: deployed ? 'v2' : 'v1', host, labels, timeMs },
          stacks: CHECKOUT(deployed ? 30 : 10),
        },
        {
          ...{ service: 'search', version: '2026.1', host, timeMs },
          stacks: stacksFromFolded(`main;query ${30 * MS}\n${broken};lost ${10 * MS}`),
        },
      ]
    }),
  )
}

let store: Store & AsyncDisposable
let query: TestQuery

beforeAll(async () => {
  store = await openTestStore()
  await storeProfiles(store, profilesOfDay())
  query = createTestQuery(store, { nowMs: NOON + 60 * MINUTE })
})
afterAll(() => store[Symbol.asyncDispose]())

const V1 = '{service="checkout", version="v1"}'
const V2 = '{service="checkout", version="v2"}'

/** Folded path -> [flat, cum], without frames that have neither. */
function readPaths({ nodes, functions }: FlamegraphAnswer): Record<string, unknown[]> {
  const paths: string[] = []
  const read: Record<string, unknown[]> = {}
  for (const [i, parent] of nodes.parent.entries()) {
    const name = functions[nodes.function[i] as number]?.name as string
    paths[i] = parent < 0 ? '' : `${paths[parent]};${name}`
    read[paths[i].slice(1)] = [nodes.flat[i], nodes.cum[i]]
  }
  return read
}

const flamegraph = (parameters: Parameters) => query.ask(FlamegraphAnswer, 'flamegraph', parameters)

describe('a flame graph', () => {
  it('sums every stack and says what stands behind it', async () => {
    const answer = await flamegraph({ query: V1 })
    const s = 240 * MS
    expect(readPaths(answer)).toEqual({
      '': [0, 40 * s],
      main: [0, 40 * s],
      'main;parse': [0, 30 * s],
      'main;parse;parse': [0, 20 * s],
      'main;parse;parse;read': [20 * s, 20 * s],
      'main;parse;read': [10 * s, 10 * s],
      'main;render': [10 * s, 10 * s],
    })
    expect(answer.side).toEqual({
      query: V1,
      from: '2026-11-20T12:00:00.000Z',
      to: '2026-11-20T13:00:00.000Z',
      total: 40 * s,
      profiles: 240,
      samples: 960,
      hosts: 2,
      hostSeconds: 2400,
      brokenShare: 0,
    })
    expect(answer).toMatchObject({ unit: 'nanoseconds', truncated: null, source: 'stack_10m' })
  })

  it('merges services under one root and tells the share of broken stacks', async () => {
    const answer = await flamegraph({ query: '' })
    const paths = readPaths(answer)
    expect(paths['main']?.[1]).toBe(240 * 40 * MS + 240 * 60 * MS + 480 * 30 * MS)
    expect(paths['main;query']?.[0]).toBe(480 * 30 * MS)
    expect(answer.side.brokenShare).toBeCloseTo((480 * 10 * MS) / Number(answer.side.total), 12)
    // Two services on a host at the same time are one host's time.
    expect(answer.side).toMatchObject({ profiles: 960, hosts: 2, hostSeconds: 4800 })
  })

  it.each([
    ['{service="checkout", host="host-a"}', 120 * 40 + 120 * 60],
    ['{service="checkout", region!="eu"}', 120 * 40 + 120 * 60],
    ['{service="checkout", region=~"eu|us", version="v1"}', 240 * 40],
    ['{service="checkout", region=~"e"}', 0],
    ['{service="checkout", version!~"v1|x"}', 240 * 60],
    ['{service=~"check.*", missing=""}', 240 * 100],
    ['{region=""}', 480 * 40],
    ['{region!=""}', 240 * 100],
    ['{service="nobody"}', 0],
    ['{service=~"no.*"}', 0],
  ])('of %s sums what matches', async (selector, milliseconds) => {
    expect((await flamegraph({ query: selector })).side.total).toBe(milliseconds * MS)
  })

  it('takes a window by its start, from inclusive, to exclusive', async () => {
    const total = async (from: number, to: number) =>
      (await flamegraph({ query: V1, from: NOON + from, to: NOON + to })).side.total
    expect(await total(0, 10_000)).toBe(2 * 40 * MS)
    expect(await total(1, 10_000)).toBe(0)
    expect(await total(0, 10_001)).toBe(4 * 40 * MS)
  })

  it('from the rollup equals the one from profiles, for any range', async () => {
    const range = fc.tuple(fc.integer({ min: -900, max: 2700 }), fc.integer({ min: 1, max: 2700 }))
    await fc.assert(
      fc.asyncProperty(range, async ([start, seconds]) => {
        const times = { from: NOON + start * 1000, to: NOON + (start + seconds) * 1000 }
        const [rolled, whole] = await Promise.all([
          flamegraph({ query: '{service="checkout"}', ...times }),
          flamegraph({ query: '{service="checkout", host=~".+"}', ...times }),
        ])
        expect(whole.source).toBe('profiles')
        expect(rolled.nodes).toEqual(whole.nodes)
        expect(rolled.functions).toEqual(whole.functions)
        expect({ ...rolled.side, query: '' }).toEqual({ ...whole.side, query: '' })
      }),
      { numRuns: 25 },
    )
    const ragged = await flamegraph({ query: '', from: NOON + 1000, to: NOON + 30 * MINUTE })
    expect(ragged.source).toBe('profiles+stack_10m')
  })

  it('states what was cut', async () => {
    const answer = await flamegraph({ query: '', max_nodes: 4 })
    expect(answer.nodes.parent.length).toBeLessThanOrEqual(4)
    expect(answer.functions.some(({ kind }) => kind === 'residual')).toBe(true)
    expect(answer.truncated?.frames).toBeGreaterThan(0)
    expect(answer.nodes.cum[0]).toBe(answer.side.total)
  })

  it('of nothing is one node', async () => {
    const answer = await flamegraph({ query: '{service="nobody"}' })
    expect(answer.nodes).toEqual({ parent: [-1], function: [0], flat: [0], cum: [0] })
    expect(answer.side).toMatchObject({ total: 0, profiles: 0, samples: null, hosts: 0 })
  })
})

describe('a comparison', () => {
  it('joins both sides exactly', async () => {
    const answer = await query.ask(DiffAnswer, 'diff', { a: V1, b: V2 })
    const [a, b] = await Promise.all([flamegraph({ query: V1 }), flamegraph({ query: V2 })])
    const side = (flat: DiffAnswer['nodes']['flatA'], cum: DiffAnswer['nodes']['cumA']) =>
      readPaths({ ...a, functions: answer.functions, nodes: { ...answer.nodes, flat, cum } })
    expect(side(answer.nodes.flatA, answer.nodes.cumA)).toEqual(readPaths(a))
    expect(side(answer.nodes.flatB, answer.nodes.cumB)).toEqual(readPaths(b))
    expect([answer.a, answer.b]).toEqual([a.side, b.side])
    expect(answer.nodes.confidence.every((c) => c === 1)).toBe(true)
    expect(answer.certainty).toContain('no significance test')
  })

  it('takes a time range for each side', async () => {
    const answer = await query.ask(DiffAnswer, 'diff', {
      ...{ a: '{service="checkout"}', b: '{service="checkout"}' },
      ...{ a_from: NOON, a_to: NOON + 20 * MINUTE, b_from: NOON + 20 * MINUTE, b_to: 'now' },
    })
    expect([answer.a.total, answer.b.total]).toEqual([240 * 40 * MS, 240 * 60 * MS])
  })

  it.each([
    [V1, '{service="nobody"}', 'Side B has no samples'],
    ['{service="nobody"}', V1, 'Side A has no samples'],
    ['{service="nobody"}', '{service="nobody"}', 'Both sides have no samples'],
  ])('of %s with %s compares nothing', async (a, b, sentence) => {
    const answer = await query.ask(DiffAnswer, 'diff', { a, b })
    expect(answer.certainty).toContain(sentence)
    expect(answer.nodes.confidence.every((c) => c === 0)).toBe(true)
  })

  it('puts what grew on top of the table, by share, by host time and raw', async () => {
    for (const normalize of ['share', 'host', 'raw']) {
      const answer = await query.ask(ComparedFunctionsAnswer, 'functions', {
        a: V1,
        b: V2,
        normalize,
      })
      expect(answer.rows[0]?.function.name).toBe('render')
      const expected = { share: 0.25, host: (4800 * MS) / 2400, raw: 4800 * MS }
      expect(answer.rows[0]?.delta).toBeCloseTo(expected[normalize as 'raw'], 9)
      expect(answer.count).toBe(4)
    }
  })
})

describe('functions', () => {
  it('are sorted by flat or by cum; recursion counts once', async () => {
    const rows = async (parameters: Parameters) =>
      (await query.ask(FunctionsAnswer, 'functions', { query: V1, ...parameters })).rows.map(
        (row) => [row.function.name, Number(row.flat) / (240 * MS), Number(row.cum) / (240 * MS)],
      )
    expect(await rows({ sort: 'flat', limit: 2 })).toEqual([
      ['read', 30, 30],
      ['render', 10, 10],
    ])
    expect((await rows({ sort: 'cum' })).slice(0, 1)).toEqual([['main', 0, 40]])
    expect((await rows({ sort: 'cum' })).find(([name]) => name === 'parse')).toEqual([
      'parse',
      0,
      30,
    ])
  })

  it('have callers and callees, by name or by id', async () => {
    for (const wanted of ['parse', frameId('parse')]) {
      const answer = await query.ask(NeighboursAnswer, 'functions/neighbours', {
        query: V1,
        function: String(wanted),
      })
      expect(answer).toMatchObject({ flat: 0, cum: 30 * 240 * MS, function: { name: 'parse' } })
      const paths = (tree: FlamegraphAnswer) => Object.keys(readPaths(tree))
      expect(paths(answer.callers)).toEqual(['', 'main'])
      expect(paths(answer.callees)).toEqual(['', 'parse', 'read', 'parse;read'])
      expect(answer.callees.functions[answer.callees.nodes.function[0] as number]?.name).toBe(
        'parse',
      )
    }
  })

  it.each([
    ['10m', 'version', { v1: [2, 2, 0, 0, 0, 0], v2: [0, 0, 6, 6, 0, 0] }],
    ['5m', 'region', { eu: [1, 1, 1, 1, 3, 3, 3, 3, 0, 0, 0, 0], us: null }],
  ])('have a history in steps of %s by %s', async (step, by, expected) => {
    const answer = await query.ask(HistoryAnswer, 'functions/history', {
      ...{ query: '{service="checkout"}', function: 'render', step, by },
    })
    const unit = step === '10m' ? 600 * MS : 300 * MS
    for (const { labels, flat, cum, total } of answer.series) {
      const values = expected[labels[by] as keyof typeof expected]
      if (values) expect(flat.map((value) => value / unit)).toEqual(values)
      expect(cum).toEqual(flat)
      expect(total.every((value, i) => value >= (cum[i] as number))).toBe(true)
    }
    expect(answer.series).toHaveLength(2)
  })

  it('that nobody knows are 404', async () => {
    for (const path of ['functions/neighbours', 'functions/history']) {
      const answer = await query.get(path, { function: 'nobody' })
      expect(answer.status).toBe(404)
    }
  })
})

describe('overviews', () => {
  it('list services with their versions, newest first', async () => {
    const { services, stepMs, covered } = await query.ask(ServicesAnswer, 'services')
    expect(services.map(({ service }) => service)).toEqual(['checkout', 'search'])
    const [checkout] = services
    expect(checkout).toMatchObject({
      hosts: 2,
      demo: true,
      firstSeen: '2026-11-20T12:00:00.000Z',
      lastSeen: '2026-11-20T12:40:00.000Z',
      types: ['process_cpu:cpu:nanoseconds:cpu:nanoseconds'],
    })
    // Profiles cover 40 minutes of the hour asked for.
    expect(covered).toEqual({ from: '2026-11-20T12:00:00.000Z', to: '2026-11-20T12:40:00.000Z' })
    expect(checkout?.cores).toBeCloseTo((240 * 40 + 240 * 60) / 2_400_000, 12)
    expect(checkout?.versions).toMatchObject([
      {
        version: 'v2',
        firstSeen: '2026-11-20T12:20:00.000Z',
        lastSeen: '2026-11-20T12:40:00.000Z',
      },
      {
        version: 'v1',
        firstSeen: '2026-11-20T12:00:00.000Z',
        lastSeen: '2026-11-20T12:20:00.000Z',
      },
    ])
    expect(checkout?.versions[0]?.cores).toBeCloseTo((240 * 60) / 1_200_000, 12)
    // Whole steps without the last window: no dip at either end.
    expect(stepMs).toBe(60_000)
    expect(checkout?.sparkline).toHaveLength(39)
    expect(checkout?.sparkline.map((cores) => cores.toFixed(9))).toEqual([
      ...new Array<string>(20).fill('0.008000000'),
      ...new Array<string>(19).fill('0.012000000'),
    ])
  })

  it.each([
    ['the first window', 0, 1, 10_000, 1],
    ['a minute', 0, 60_000, 10_000, 5],
    ['a range between windows', 5_000, 65_000, 10_000, 5],
    ['the last windows', 39 * MINUTE + 40_000, 60 * MINUTE, 10_000, 1],
  ])('divide by the time that is covered: %s', async (_, from, to, step, points) => {
    const range = { from: NOON + from, to: NOON + to }
    const { services, stepMs } = await query.ask(ServicesAnswer, 'services', range)
    const cores = from < 20 * MINUTE ? 0.008 : 0.012
    const checkout = services.find(({ service }) => service === 'checkout')
    expect(checkout?.cores).toBeCloseTo(cores, 12)
    expect(stepMs).toBe(step)
    expect(checkout?.sparkline.map((value) => value.toFixed(9))).toEqual(
      new Array<string>(points).fill(cores.toFixed(9)),
    )
    const { hosts } = await query.ask(HostsAnswer, 'hosts', range)
    expect(hosts[0]?.cores).toBeCloseTo(cores / 2 + 0.004, 12)
  })

  it('keep versions that ended before the range, without cores', async () => {
    const { services } = await query.ask(ServicesAnswer, 'services', { from: NOON + 30 * MINUTE })
    const versions = services.find(({ service }) => service === 'checkout')?.versions
    expect(versions?.map(({ version, cores, hosts }) => [version, cores > 0, hosts])).toEqual([
      ['v2', true, 2],
      ['v1', false, 0],
    ])
  })

  it('list types, labels and values', async () => {
    const types = await query.ask(TypesAnswer, 'types', { query: V1 })
    expect(types.types).toMatchObject([{ name: 'process_cpu', sampleUnit: 'nanoseconds' }])
    const labels = await query.ask(LabelsAnswer, 'labels', { query: V1 })
    expect(labels.labels).toEqual(['demo', 'host', 'region', 'service', 'version'])
    const values = async (name: string, selector = '') =>
      (await query.ask(LabelValuesAnswer, `labels/${name}/values`, { query: selector })).values
    expect(await values('version')).toEqual(['2026.1', 'v1', 'v2'])
    expect(await values('region', '{host="host-a"}')).toEqual(['eu'])
    expect(await values('nothing')).toEqual([])
  })

  it('list hosts', async () => {
    const { hosts } = await query.ask(HostsAnswer, 'hosts')
    expect(hosts).toMatchObject([
      { host: 'host-a', services: 2, lastSeen: '2026-11-20T12:40:00.000Z' },
      { host: 'host-b', services: 2, firstSeen: '2026-11-20T12:00:00.000Z' },
    ])
  })

  it('show values over time, the largest series and the rest', async () => {
    const series = async (parameters: Parameters) =>
      (await query.ask(SeriesAnswer, 'series', { step: '20m', ...parameters })).series.map(
        ({ labels, other, values }) => [labels, other, values.map((value) => value / (4800 * MS))],
      )
    expect(await series({})).toEqual([[{}, false, [4, 5, 0]]])
    expect(await series({ by: 'service,region' })).toEqual([
      [{ service: 'search', region: '' }, false, [2, 2, 0]],
      [{ service: 'checkout', region: 'eu' }, false, [1, 1.5, 0]],
      [{ service: 'checkout', region: 'us' }, false, [1, 1.5, 0]],
    ])
    expect(await series({ by: 'version', limit: 1 })).toEqual([
      [{ version: '2026.1' }, false, [2, 2, 0]],
      [{}, true, [2, 3, 0]],
    ])
    expect(await series({ query: '{service="nobody"}', by: 'host' })).toEqual([])
  })
})

describe('windows longer than a step', () => {
  // Ten minutes of a service in windows of 10 s, and beside it, for the first five, one in windows of
  // a minute, which lag behind by 30 s.
  const DAY = NOON - 48 * 60 * MINUTE
  const range = { from: DAY, to: DAY + 10 * MINUTE }

  beforeAll(() =>
    storeProfiles(store, [
      ...Array.from({ length: 60 }, (_, i) => ({
        ...{ service: 'steady', version: 'v1', host: 'h', timeMs: DAY + i * 10_000 },
        // Collectors' windows are a little longer than asked for.
        durationMs: 10_004,
        stacks: stacksFromFolded(`main ${5000 * MS}`),
      })),
      ...Array.from({ length: 5 }, (_, i) => ({
        ...{ service: 'rare', version: 'v1', host: 'h', timeMs: DAY + 30_000 + i * MINUTE },
        durationMs: MINUTE,
        stacks: stacksFromFolded(`main ${60_000 * MS}`),
      })),
    ]),
  )

  it('are spread over the steps of a sparkline', async () => {
    const { services, stepMs } = await query.ask(ServicesAnswer, 'services', range)
    expect(stepMs).toBe(10_000)
    expect(services.map(({ service, cores }) => [service, cores.toFixed(3)])).toEqual([
      ['rare', '0.500'],
      ['steady', '0.500'],
    ])
    const [rare, steady] = services
    expect(rare?.sparkline.map((cores) => cores.toFixed(6))).toEqual(
      Array.from({ length: 59 }, (_, i) => (i >= 3 && i < 33 ? '1.000000' : '0.000000')),
    )
    expect(steady?.sparkline.map((cores) => cores.toFixed(6))).toEqual(
      Array.from({ length: 59 }, () => '0.500000'),
    )
  })

  it.each([
    ['steady', '10s', 10_000],
    ['steady', '4s', 12_000],
    ['rare', '20s', 60_000],
    ['rare', '5m', 300_000],
  ])('widen the steps over %s of %s', async (service, step, expected) => {
    const selector = { query: `{service="${service}"}`, step, ...range }
    const series = await query.ask(SeriesAnswer, 'series', selector)
    const history = await query.ask(HistoryAnswer, 'functions/history', {
      ...{ ...selector, function: 'main', by: 'host' },
    })
    expect([series.stepMs, history.stepMs]).toEqual([expected, expected])
    const values = series.series[0]?.values
    expect(history.series[0]?.flat).toEqual(values)
    expect(values).toHaveLength(Math.ceil((10 * MINUTE) / expected))
    const whole = service === 'rare' ? 5 : 10
    if (expected !== 12_000 && expected !== 300_000)
      expect(values?.slice(0, whole).every((value) => value === values[0])).toBe(true)
  })
})

describe('formats', () => {
  it('carry the same tree as columns', async () => {
    const parameters = { a: V1, b: V2 }
    const json = await query.ask(DiffAnswer, 'diff', parameters)
    const answer = await query.get('diff', { ...parameters, format: 'columns' })
    expect(answer.headers.get('Content-Type')).toBe('application/vnd.flamewatch.columns')
    const columns = decodeColumns(new Uint8Array(await answer.arrayBuffer()))
    expect(columns.functions).toEqual(json.functions)
    expect([...columns.parent]).toEqual(json.nodes.parent)
    expect([...(columns.cum[0] as Float64Array)]).toEqual(json.nodes.cumA)
    expect([...(columns.flat[1] as Float64Array)]).toEqual(json.nodes.flatB)
    expect(columns.header).toMatchObject({ a: json.a, b: json.b, normalize: 'share' })
  })

  it('are folded stacks and pictures', async () => {
    const folded = await query.get('diff', { a: V1, b: V2, format: 'folded' })
    expect(await folded.text()).toBe(
      `main;parse;parse;read ${4800 * MS} ${4800 * MS}\n` +
        `main;parse;read ${2400 * MS} ${2400 * MS}\nmain;render ${2400 * MS} ${7200 * MS}\n`,
    )
    const svg = await query.get('flamegraph', { query: V1, format: 'svg' })
    expect(svg.headers.get('Content-Type')).toBe('image/svg+xml')
    expect(await svg.text()).toContain('<title>render\n')
  })
})

test('values beyond 2^53 are exact decimal strings', async () => {
  const huge = 2n ** 60n
  await storeProfiles(store, [
    {
      ...{ service: 'huge', version: 'v1', host: 'h', type: 'memory:inuse_space:bytes::' },
      timeMs: NOON,
      stacks: [
        { frames: ['main', 'a'], value: huge + 1n },
        { frames: ['main', 'b'], value: 2n },
      ],
    },
  ])
  const answer = await flamegraph({ query: '{service="huge"}', type: 'memory:inuse_space:bytes::' })
  expect(readPaths(answer)).toEqual({
    '': [0, String(huge + 3n)],
    main: [0, String(huge + 3n)],
    'main;a': [String(huge + 1n), String(huge + 1n)],
    'main;b': [2, 2],
  })
  expect(answer.side).toMatchObject({ total: String(huge + 3n), samples: null })
  expect(answer.unit).toBe('bytes')
})

test('another tenant is never seen', async () => {
  await storeProfiles(store, [
    {
      ...{ tenant: 'other', service: 'checkout', version: 'v1', host: 'secret', timeMs: NOON },
      stacks: stacksFromFolded('secret 77'),
    },
  ])
  for (const path of ['flamegraph', 'functions', 'services', 'hosts', 'labels/host/values']) {
    const text = await (await query.get(path, { query: '' })).text()
    expect(text).not.toContain('secret')
  }
})

test('what a stack id stands for is told when the store lacks it', async () => {
  await storeProfiles(store, [
    {
      ...{ service: 'torn', version: 'v1', host: 'h', timeMs: NOON },
      stacks: stacksFromFolded('main;known 3'),
    },
  ])
  await store.run(sql`ALTER TABLE stacks DELETE WHERE service = 'torn' SETTINGS mutations_sync = 1`)
  const answer = await flamegraph({ query: '{service="torn"}' })
  expect(readPaths(answer)['[stack not stored]']).toEqual([3, 3])
})
