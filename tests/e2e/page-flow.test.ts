import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../fixtures/browser.ts'
import { type FakeApi, startFakeApi } from '../fixtures/fake-api/server.ts'
import {
  type BuiltPage,
  buildPage,
  type Look,
  type OpenPage,
  openPage,
  waitForGraph,
} from '../fixtures/page-browser.ts'

// The way from the fleet to the changed function, over invented data.

let built: BuiltPage
let browser: Browser
let api: FakeApi

beforeAll(async () => {
  built = await buildPage()
  browser = await launchBrowser()
  api = await startFakeApi({ page: built.directory })
})

afterAll(async () => {
  await browser?.close()
  await api?.close()
  built?.[Symbol.dispose]()
})

async function withPage(
  path: string,
  use: (page: Page, open: OpenPage) => Promise<void>,
  look: Look = {},
): Promise<void> {
  const open = await openPage(browser, look)
  try {
    await open.page.goto(api.url + path)
    await use(open.page, open)
    expect(open.troubles).toEqual([])
  } finally {
    await open.context.close()
  }
}

const path = (page: Page): string => new URL(page.url()).pathname
const params = (page: Page): URLSearchParams => new URL(page.url()).searchParams

describe('the way to the difference of the two newest versions', () => {
  it('takes two clicks', () =>
    withPage('/', async (page) => {
      await page.click('text=checkout')
      await page.click('text=Compare A and B')
      await waitForGraph(page)
      expect(path(page)).toBe('/s/checkout/diff')
      expect([params(page).get('a'), params(page).get('b')]).toEqual(['v2.14.3', 'v2.15.0'])
    }))

  it('takes two clicks to one changed function, too', () =>
    withPage('/', async (page) => {
      await page.click('text=checkout')
      await page.click('text=ApplyDiscounts')
      await waitForGraph(page)
      expect(path(page)).toBe('/s/checkout/diff')
      await page.waitForSelector('tr.is-selected:has-text("ApplyDiscounts")')
    }))

  it('shows the verdict on the newest version, and what it blames two clicks away', () =>
    withPage('/', async (page) => {
      await page.click('text=checkout')
      const verdict = page.locator('section[aria-label="Verdict"]')
      await verdict.getByText('parseCart takes 11 % more').waitFor()
      const row = verdict.locator('tbody tr')
      expect(await row.count()).toBe(1)
      expect(await row.textContent()).toMatch(/6\.40%17\.0%\+10\.6%\+10\.0% to \+11\.2%100%1\.70/)
      await verdict.getByText('encodeV2').waitFor()
      await row.getByRole('link').click()
      await expect.poll(() => path(page)).toBe('/s/checkout/diff')
      expect([params(page).get('a'), params(page).get('b')]).toEqual(['v2.14.3', 'v2.15.0'])
      expect(params(page).get('panes')).toBe('sandwich')
    }))

  it('goes by keys alone', () =>
    withPage('/', async (page) => {
      await page.waitForSelector('text=checkout')
      await tabTo(page, 'checkout')
      await page.keyboard.press('Enter')
      await page.waitForSelector('text=What changed')
      await tabTo(page, 'Compare A and B')
      await page.keyboard.press('Enter')
      await waitForGraph(page)
      await tabTo(page, 'Differential flame graph')
      for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter'])
        await page.keyboard.press(key)
      await expect.poll(() => params(page).get('frame')).not.toBeNull()
      await page.keyboard.press('s')
      await page.waitForSelector('text=Callers')
      await page.keyboard.press('Escape')
      await waitForGraph(page)
      expect(params(page).get('panes')).toBeNull()
    }))

  it('shows the plain flame graph where there is one version', () =>
    withPage('/s/edge-proxy', async (page) => {
      await page.click('a:has-text("Flame graph")')
      await waitForGraph(page)
      expect(path(page)).toBe('/s/edge-proxy/flame')
    }))
})

describe('the address', () => {
  it('goes back and forward through what was decided', () =>
    withPage('/', async (page) => {
      await page.click('text=checkout')
      await page.click('text=Compare A and B')
      await waitForGraph(page)
      await page.click('.choice label:has-text("Table")')
      await page.waitForSelector('.panes.is-table')
      await page.goBack()
      await page.waitForSelector('.panes.is-split')
      await page.goBack()
      await page.waitForSelector('text=What changed')
      await page.goBack()
      await page.waitForSelector('h1:has-text("Services")')
      await page.goForward()
      await page.goForward()
      await waitForGraph(page)
      expect(path(page)).toBe('/s/checkout/diff')
    }))

  it('shows the same view when loaded anew', () =>
    withPage(
      '/s/checkout/diff?from=2026-11-25T10:00:00Z&to=2026-11-25T11:00:00Z&a=v2.14.3&b=v2.15.0&panes=graph&norm=host&q=json&width=b',
      async (page) => {
        await waitForGraph(page)
        await page.locator('.graph-scroll').click({ position: { x: 60, y: 90 } })
        await expect.poll(() => params(page).get('frame')).not.toBeNull()
        await page.mouse.move(5, 5)
        const url = page.url()
        const before = await page.locator('.graph-scroll').screenshot()
        await page.reload()
        await waitForGraph(page)
        await expect
          .poll(async () => before.equals(await page.locator('.graph-scroll').screenshot()))
          .toBe(true)
        expect(page.url()).toBe(url)
      },
    ))

  it('keeps keys it does not know', () =>
    withPage('/?later=1', async (page) => {
      await page.click('text=checkout')
      await page.waitForSelector('text=What changed')
      expect(params(page).get('later')).toBe('1')
    }))
})

describe('keys', () => {
  it('open search, walk through matches, switch sides, fold recursion and show help', () =>
    withPage('/s/checkout/diff', async (page) => {
      await waitForGraph(page)
      await page.keyboard.press('/')
      await page.keyboard.type('marshal')
      await page.waitForSelector('.search-note:has-text("%")')
      await page.keyboard.press('Enter')
      await expect.poll(() => params(page).get('frame')).not.toBeNull()
      const first = params(page).get('frame')
      await page.keyboard.press('Enter')
      await expect.poll(() => params(page).get('frame')).not.toBe(first)
      await page.locator('.graph-scroll').focus()
      await page.keyboard.press('d')
      await expect.poll(() => params(page).get('side')).toBe('b')
      await page.keyboard.press('r')
      await expect.poll(() => params(page).get('fold')).toBe('1')
      await page.keyboard.press('?')
      await page.waitForSelector('dialog[open]')
      await page.keyboard.press('Escape')
      await expect.poll(() => page.locator('dialog[open]').count()).toBe(0)
      await page.keyboard.press('[')
      await expect.poll(() => params(page).get('b')).toBe('v2.14.3')
    }))

  it('do nothing while somebody types', () =>
    withPage('/s/checkout/diff', async (page) => {
      await waitForGraph(page)
      await page.focus('#search')
      await page.keyboard.type('drs?[]')
      await expect.poll(() => params(page).get('q')).toBe('drs?[]')
      expect(params(page).get('side')).toBeNull()
      expect(await page.locator('dialog[open]').count()).toBe(0)
    }))

  it('move the edges of a brush', () =>
    withPage('/s/checkout', async (page) => {
      const start = page.locator('[role=slider][aria-label="Start of B"]')
      await start.focus()
      const before = Number(await start.getAttribute('aria-valuenow'))
      await page.keyboard.press(']')
      await expect
        .poll(async () => Number(await start.getAttribute('aria-valuenow')))
        .toBeGreaterThan(before)
      expect(params(page).get('b_from')).toMatch(/Z$/)
      expect(await start.getAttribute('aria-valuetext')).toContain('version v2.15.0')
    }))
})

describe('the mouse', () => {
  it('zooms to a frame and back', () =>
    withPage('/s/checkout/diff?panes=graph', async (page) => {
      await waitForGraph(page)
      await page.locator('.graph-scroll').click({ position: { x: 60, y: 90 } })
      await expect.poll(() => params(page).get('frame')).not.toBeNull()
      await page.click('text=Reset zoom')
      await expect.poll(() => params(page).get('frame')).toBeNull()
    }))

  it('tells what lies under it', () =>
    withPage('/s/checkout/diff?panes=graph', async (page) => {
      await waitForGraph(page)
      await page.locator('.graph-scroll').hover({ position: { x: 60, y: 30 } })
      const tip = page.locator('.tip.is-on')
      await tip.waitFor()
      expect(await tip.textContent()).toMatch(/runtime[\s\S]*Total[\s\S]*%[\s\S]*Self/)
    }))

  it('zooms by wheel and keeps the view in the address once it rests', () =>
    withPage('/s/checkout/diff?panes=graph', async (page) => {
      await waitForGraph(page)
      await page.locator('.graph-scroll').hover({ position: { x: 300, y: 50 } })
      await page.keyboard.down('Control')
      await page.mouse.wheel(0, -400)
      await page.keyboard.up('Control')
      await expect.poll(() => params(page).get('zoom')).toMatch(/^0\.\d+,0\.\d+$/)
    }))

  it('draws a range in the lane of a version', () =>
    withPage('/s/checkout', async (page) => {
      const plot = page.locator('.lane-plot')
      await page.waitForSelector('.brush.is-B')
      const box = await plot.boundingBox()
      if (!box) throw new Error('there is no timeline')
      await page.mouse.move(box.x + box.width * 0.1, box.y + 110)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width * 0.2, box.y + 110, { steps: 4 })
      await page.mouse.up()
      await expect.poll(() => params(page).get('b')).toBe('v2.14.2')
      expect(params(page).get('b_from')).not.toBeNull()
    }))
})

describe('fingers', () => {
  it('zoom to a frame by a tap and into the graph by a pinch', () =>
    withPage(
      '/s/checkout/diff?panes=graph',
      async (page) => {
        await waitForGraph(page)
        const box = await page.locator('.graph-scroll').boundingBox()
        if (!box) throw new Error('there is no graph')
        const touch = await page.context().newCDPSession(page)
        const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', xs: readonly number[]) =>
          touch.send('Input.dispatchTouchEvent', {
            type,
            touchPoints: xs.map((x, id) => ({ x: box.x + x, y: box.y + 30, id })),
          })
        await send('touchStart', [300])
        await send('touchStart', [300, 400])
        for (let spread = 0; spread <= 100; spread += 20)
          await send('touchMove', [300 - spread, 400 + spread])
        await send('touchEnd', [])
        await expect.poll(() => params(page).get('zoom')).toMatch(/^0\.\d+,0\.\d+$/)
        const [from, to] = (params(page).get('zoom') ?? '').split(',').map(Number)
        expect((to ?? 1) - (from ?? 0)).toBeLessThan(0.6)
        await page.touchscreen.tap(box.x + 200, box.y + 50)
        await expect.poll(() => params(page).get('frame')).not.toBeNull()
      },
      { touch: true },
    ))
})

/** Presses Tab until the focus is on something with that text; fails when the page is once around. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate<string>(
      `(() => { const e = document.activeElement; return (e?.getAttribute('aria-label') ?? e?.textContent ?? '') })()`,
    )
    if (focused.includes(text)) return
  }
  throw new Error(`no Tab leads to ${text}`)
}
