import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type {
  AccountAnswer,
  ComparedFunctionRow,
  ComparedFunctionsAnswer,
  DiffAnswer,
  ServicesAnswer,
} from '../../query/api.ts'
import { launchBrowser } from '../fixtures/browser.ts'
import { startCheckoutService } from '../fixtures/checkout-service/checkout-service.ts'
import { eventually } from '../fixtures/eventually.ts'
import { readByGoPprof } from '../fixtures/go-pprof.ts'
import { type RunningServer, startServer } from '../fixtures/running-server.ts'

// The whole way of a sample: a service of this machine runs as release v1, then as v2 in which
// parse_json does three times the work; kernel, collector, spool, ingest, store, query and page are
// the real ones.

const SERVICE = 'checkout-e2e'
const WINDOW_MS = 2_000
// Samples of each release, at 99 Hz: enough for shares within a few percent.
const SAMPLES = 700

let directory: string
let server: RunningServer
let browser: Browser

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flamewatch-e2e-'))
  server = await startServer({ environment: { FLAMEWATCH_WINDOW: `${WINDOW_MS}ms` } })
  browser = await launchBrowser()
  await runRelease('v1', 1)
  await runRelease('v2', 3)
}, 180_000)

afterAll(async () => {
  await browser?.close()
  await server?.[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

async function runRelease(version: string, parseRounds: number): Promise<void> {
  const service = startCheckoutService({ directory, service: SERVICE, version, parseRounds })
  try {
    await eventually(`${SAMPLES} samples of ${version}`, async () => {
      const side = await sideOf(version)
      return side !== null && side >= SAMPLES
    })
  } finally {
    await service.stop()
  }
}

async function sideOf(version: string): Promise<number | null> {
  const query = `{service="${SERVICE}", version="${version}"}`
  const answer = await fetch(`${server.url}/api/v1/functions?${new URLSearchParams({ query })}`)
  if (!answer.ok) throw new Error(await answer.text())
  const { side } = (await answer.json()) as { side: { samples: number | null } }
  return side.samples
}

async function ask<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
  const response = await fetch(`${server.url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
  expect(response.status, await response.clone().text()).toBe(200)
  return (await response.json()) as T
}

const SIDES = {
  a: `{service="${SERVICE}", version="v1"}`,
  b: `{service="${SERVICE}", version="v2"}`,
}

// The service does its work in user space; the host's own noise hits it from the kernel side.
function shareOf(row: ComparedFunctionRow | undefined, answer: ComparedFunctionsAnswer) {
  return {
    a: Number(row?.cumA) / Number(answer.a.total),
    b: Number(row?.cumB) / Number(answer.b.total),
  }
}

describe('two releases of a service on this machine', () => {
  it('are found without configuration, the newest first', async () => {
    const { services } = await ask<ServicesAnswer>('services')
    const service = services.find((s) => s.service === SERVICE)
    expect(service?.versions.map((v) => v.version)).toEqual(['v2', 'v1'])
  })

  it('differ by the API in the function that got slower, and in nothing the code did not change', async () => {
    const answer = await ask<ComparedFunctionsAnswer>('functions', { ...SIDES, sort: 'flat' })
    const rows = new Map(answer.rows.map((row) => [row.function.name, row]))
    const byDelta = answer.rows.toSorted((x, y) => y.delta - x.delta)
    expect(byDelta[0]?.function.name).toBe('parse_json')
    // 1/5 of the work, then 3/7. Sampling error at 700 samples a side is below 2 % (one sigma).
    const parse = shareOf(rows.get('parse_json'), answer)
    expect(parse.a).toBeGreaterThan(0.12)
    expect(parse.a).toBeLessThan(0.28)
    expect(parse.b).toBeGreaterThan(0.34)
    expect(parse.b).toBeLessThan(0.52)
    // price_basket is a sixth of the rest in both: the ratio to render_page stays.
    const price = shareOf(rows.get('price_basket'), answer)
    const render = shareOf(rows.get('render_page'), answer)
    expect(price.a / render.a).toBeGreaterThan(0.2)
    expect(price.a / render.a).toBeLessThan(0.5)
    expect(price.b / render.b).toBeGreaterThan(0.2)
    expect(price.b / render.b).toBeLessThan(0.5)
  })

  it('come with the stack that frame pointers give, whole', async () => {
    const diff = await ask<DiffAnswer>('diff', SIDES)
    const { parent, function: fn } = diff.nodes
    const nameOf = (node: number) => diff.functions[fn[node] as number]?.name
    const node = fn.findIndex(
      (_, i) => nameOf(i) === 'parse_json' && nameOf(parent[i] as number) === 'handle_request',
    )
    const path: (string | undefined)[] = []
    for (let i = node; i > 0; i = parent[i] as number) path.push(nameOf(i))
    expect(path.slice(0, 3)).toEqual(['parse_json', 'handle_request', 'main'])
    expect(diff.b.brokenShare).toBeLessThan(0.05)
  })

  it.each(['a', 'b'] as const)(
    'come out of the pprof export of side %s with the same numbers by an independent reader',
    async (side) => {
      const range = await fixedRange()
      const answer = await ask<ComparedFunctionsAnswer>('functions', {
        ...SIDES,
        ...range,
        limit: '10000',
      })
      const parameters = new URLSearchParams({ ...SIDES, ...range, format: 'pprof', side })
      const response = await fetch(`${server.url}/api/v1/diff?${parameters}`)
      const rows = readByGoPprof(new Uint8Array(await response.arrayBuffer()), 'ns')
      const column = side === 'a' ? (['flatA', 'cumA'] as const) : (['flatB', 'cumB'] as const)
      const [flat, cum] = column
      const expected = new Map<string, { flat: number; cum: number }>()
      for (const row of answer.rows) {
        if (Number(row[cum]) === 0) continue
        // The reader tells functions apart by name alone.
        const sum = expected.get(row.function.name) ?? { flat: 0, cum: 0 }
        expected.set(row.function.name, {
          flat: sum.flat + Number(row[flat]),
          cum: sum.cum + Number(row[cum]),
        })
      }
      expect(expected.size).toBeGreaterThan(3)
      expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected))
    },
  )

  it('are compared in the page within two clicks, the slower function on top and red', async () => {
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 } })
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(server.url)
    await page.getByRole('link', { name: SERVICE, exact: true }).click()
    await page.getByRole('link', { name: /Compare A and B/ }).click()
    await page.getByRole('tree').waitFor()
    const first = page.getByRole('table').getByRole('row').nth(1)
    await expect.poll(() => first.getByRole('rowheader').textContent()).toContain('parse_json')
    await page.getByRole('searchbox').fill('parse_json')
    await page.getByRole('searchbox').press('Enter')
    await expect.poll(() => coloursOfGraph(page)).toMatchObject({ red: true, blue: false })
    expect(faults).toEqual([])
    await page.close()
  })
})

describe('the account of the same minutes', () => {
  it('leaves no sample and no batch unaccounted for', async () => {
    const { total, missingBatches } = await ask<AccountAnswer>('account')
    expect(total.taken).toBeGreaterThan(2 * SAMPLES)
    expect(total.unaccounted).toBe(0)
    expect(missingBatches).toBe(0)
    expect(total.dropped).toEqual({})
  })
})

// Both requests must see the same rows although the machine goes on being sampled.
async function fixedRange(): Promise<Record<string, string>> {
  const { from, to } = await ask<ServicesAnswer>('services')
  return { a_from: from, a_to: to, b_from: from, b_to: to }
}

// As text: this file is type-checked without the browser's types. A colour counts when it fills more
// than the width of one letter in one row.
const COLOURS = `(() => {
  const canvas = document.querySelector('[role=tree] canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let red = 0
  let blue = 0
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] - data[i + 2] > 60) red++
    if (data[i + 2] - data[i] > 60) blue++
  }
  return { red: red > 2000, blue: blue > 2000 }
})()`

/** Whether the graph has a clearly vermillion and a clearly blue frame. */
async function coloursOfGraph(page: Page): Promise<{ red: boolean; blue: boolean }> {
  return await page.evaluate<{ red: boolean; blue: boolean }>(COLOURS)
}
