import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../fixtures/browser.ts'
import { FLEET, HOSTILE_FLEET } from '../fixtures/fake-api/fleet.ts'
import { type FakeApiOptions, startFakeApi } from '../fixtures/fake-api/server.ts'
import { type BuiltPage, buildPage, openPage, waitForGraph } from '../fixtures/page-browser.ts'

// What the page says when there is nothing, when something is wrong, and when names are hostile.

let built: BuiltPage
let browser: Browser

beforeAll(async () => {
  built = await buildPage()
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  built?.[Symbol.dispose]()
})

type Opened = {
  readonly page: Page
  readonly url: string
  readonly fail: (failing: FakeApiOptions['failing']) => void
}

async function withFake(
  options: FakeApiOptions,
  path: string,
  use: (opened: Opened) => Promise<void>,
): Promise<void> {
  const api = await startFakeApi({ ...options, page: built.directory })
  const { page, context, troubles } = await openPage(browser)
  try {
    await page.goto(api.url + path)
    await use({ page, url: api.url, fail: (failing) => api.fail(failing) })
    expect(troubles).toEqual([])
  } finally {
    await context.close()
    await api.close()
  }
}

describe('the first page', () => {
  it('says how to get data where there is none', () =>
    withFake({ fleet: [] }, '/', async ({ page }) => {
      const text = await page.locator('.empty').textContent()
      for (const way of ['flamewatch collect', 'flamewatch push', 'flamewatch demo'])
        expect(text).toContain(way)
    }))

  it('says why this machine is not sampled, in the words of the terminal', () =>
    withFake(
      {
        local: {
          state: 'failed',
          message: 'Sampling needs the right to load BPF programs.',
          hint: 'Run as root, or grant CAP_BPF and CAP_PERFMON.',
        },
      },
      '/',
      async ({ page }) => {
        expect(await page.locator('.banner.is-warning').textContent()).toBe(
          'This machine is not sampled. Sampling needs the right to load BPF programs. Run as root, or grant CAP_BPF and CAP_PERFMON.',
        )
      },
    ))

  it('waits for the first samples while the collector runs', () =>
    withFake({ fleet: [], local: { state: 'sampling' } }, '/', async ({ page }) => {
      await page.waitForSelector('text=Waiting for the first samples')
    }))

  it('marks demo data', () =>
    withFake({}, '/', async ({ page }) => {
      expect(await page.locator('tr:has-text("demo data")').textContent()).toContain(
        'image-resizer',
      )
    }))
})

describe('a failing server', () => {
  it.each([
    ['services', '/', 'services could not be loaded'],
    ['series', '/s/checkout', 'timeline could not be loaded'],
    ['functions', '/s/checkout', 'functions could not be loaded'],
    ['diff', '/s/checkout/diff', 'graph could not be loaded'],
  ])('of %s is said in its own words, with another try', (route, path, title) =>
    withFake({ failing: { route, status: 503 } }, path, async ({ page, fail }) => {
      const failure = page.locator('.is-failure', { hasText: title })
      expect(await failure.textContent()).toContain(
        'The store does not answer: connection refused.',
      )
      expect(await failure.textContent()).toContain('Start ClickHouse')
      fail(undefined)
      await failure.locator('text=Try again').click()
      await expect.poll(() => page.locator('.is-failure').count()).toBe(0)
    }),
  )

  it('that is gone is said, too', () =>
    withFake({}, '/', async ({ page }) => {
      await page.waitForSelector('text=checkout')
      await page.route('**/api/**', (route) => route.abort())
      await page.click('button[title="Reload"]')
      await page.waitForSelector('text=The server does not answer.')
    }))
})

describe('a selection', () => {
  it('of a service that was not seen says so', () =>
    withFake({}, '/s/nobody', async ({ page }) => {
      await page.waitForSelector('text=not seen in this time range')
    }))

  it('with one version offers to compare two times', () =>
    withFake({}, '/s/postgres/diff', async ({ page }) => {
      await page.click('text=Compare the halves')
      await waitForGraph(page)
      expect(new URL(page.url()).searchParams.get('a_to')).toBe(
        new URL(page.url()).searchParams.get('b_from'),
      )
    }))

  it('states how sides are compared, what certainty rests on, what was cut and what is broken', () =>
    withFake({}, '/s/checkout/diff', async ({ page }) => {
      await waitForGraph(page)
      const text = await page.locator('main').textContent()
      for (const said of [
        'Compared by share',
        'Colour rests on',
        '4,130 smallest frames',
        'broken stacks',
        'less in B',
        'no clear change',
        'more in B',
        'gone in B',
        'new in B',
      ])
        expect(text).toContain(said)
    }))

  it('is calm where nothing changed: at most 1% of the drawn area has a colour', () =>
    withFake({ changed: false }, '/s/checkout/diff?panes=graph&q=', async ({ page }) => {
      await waitForGraph(page)
      const share = await page.evaluate<number>(COLOURED_SHARE)
      expect(share).toBeLessThan(0.01)
    }))
})

describe('hostile names', () => {
  it.each(HOSTILE_FLEET.map((service, i) => [JSON.stringify(service.service), i] as const))(
    '%s is text on every page',
    (_, i) =>
      withFake({ fleet: HOSTILE_FLEET }, '/', async ({ page }) => {
        await page.locator('.row-link').nth(i).click()
        await page.waitForSelector('text=What changed')
        await page.click('text=Compare A and B')
        await waitForGraph(page)
        expect(await page.locator('.functions').textContent()).toContain('<b>bold</b>')
        expect(await page.locator('main img, main b, main script').count()).toBe(0)
        await page.locator('.graph-scroll').hover({ position: { x: 20, y: 30 } })
        await page.waitForSelector('.tip.is-on')
        await page.reload()
        await waitForGraph(page)
      }),
  )
})

describe('what can be taken along', () => {
  const withDiff = (use: (opened: Opened) => Promise<void>): Promise<void> =>
    withFake({ fleet: FLEET }, '/s/checkout/diff', async (opened) => {
      await waitForGraph(opened.page)
      await opened.page.click('button[title="Copy or download"]')
      await use(opened)
    })

  it.each([
    ['PNG of the view', /^\x89PNG/],
    ['SVG of the view', /^<svg [\s\S]*regexp\.MustCompile/],
    ['Folded stacks', /^fake folded/],
    ['pprof of A', /^fake pprof a/],
    ['pprof of B', /^fake pprof b/],
    ['JSON', /"flatA"/],
  ])('%s is a file', (what, content) =>
    withDiff(async ({ page }) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.click(`text="${what}"`),
      ])
      expect(readFileSync(await download.path(), 'latin1')).toMatch(content)
    }),
  )

  it('shows the text to copy where the clipboard is out of reach', () =>
    withDiff(async ({ page }) => {
      await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined })`)
      await page.click('text=Link with fixed times')
      const link = await page.locator('.copy-field').inputValue()
      expect(link).toMatch(/from=\d{4}-\d\d-\d\dT/)
      expect(link).not.toContain('now')
      await page.click('text=Markdown table')
      await expect
        .poll(() => page.locator('.copy-field').inputValue())
        .toContain('| frame | A | B |')
      await page.click('text=curl command')
      await expect
        .poll(() => page.locator('.copy-field').inputValue())
        .toMatch(/^curl 'http.*format=json/)
    }))
})

// Of the pixels that are not the ground, the share that is clearly blue or red. In the browser.
const COLOURED_SHARE = `(() => {
  const canvas = document.querySelector('.graph canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let drawn = 0
  let coloured = 0
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] > 250 && data[i + 1] > 250 && data[i + 2] > 250) continue
    drawn++
    if (Math.abs(data[i] - data[i + 2]) > 12) coloured++
  }
  return coloured / drawn
})()`
