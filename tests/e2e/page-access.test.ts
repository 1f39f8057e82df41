import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../fixtures/browser.ts'
import { type FakeApi, startFakeApi } from '../fixtures/fake-api/server.ts'
import { type BuiltPage, buildPage, openPage, waitForGraph } from '../fixtures/page-browser.ts'

// axe on every page in both themes, and what axe cannot see: the mirror of the canvas.

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let built: BuiltPage
let browser: Browser
let api: FakeApi
let empty: FakeApi

beforeAll(async () => {
  built = await buildPage()
  browser = await launchBrowser()
  api = await startFakeApi({ page: built.directory })
  empty = await startFakeApi({
    page: built.directory,
    fleet: [],
    local: { state: 'failed', message: 'No rights.', hint: 'Run as root.' },
  })
})

afterAll(async () => {
  await browser?.close()
  await api?.close()
  await empty?.close()
  built?.[Symbol.dispose]()
})

const PAGES: readonly (readonly [string, string, (page: Page) => Promise<unknown>])[] = [
  ['services', '/', (page) => page.waitForSelector('text=checkout')],
  ['a service', '/s/checkout', (page) => page.waitForSelector('text=ApplyDiscounts')],
  ['a service with one version', '/s/postgres', (page) => page.waitForSelector('td')],
  ['a flame graph', '/s/recommender/flame', waitForGraph],
  ['a comparison', '/s/checkout/diff', waitForGraph],
  ['a search', '/s/checkout/diff?q=json', waitForGraph],
  ['a sandwich', '/s/checkout/diff', openSandwich],
  ['an open menu', '/s/checkout/diff', (page) => openMenu(page, 'Copy or download')],
  ['filters', '/s/checkout', (page) => openMenu(page, 'Add a filter')],
  ['help', '/?', openHelp],
  ['an unknown service', '/s/nobody', (page) => page.waitForSelector('.empty')],
]

describe('axe finds nothing', () => {
  for (const theme of ['light', 'dark'] as const)
    it.each(PAGES)(`on %s, ${theme}`, async (_, path, arrive) => {
      expect(await violations(api.url + path, theme, arrive)).toEqual([])
    })

  it.each(['light', 'dark'] as const)('on the page without data, %s', async (theme) => {
    expect(
      await violations(`${empty.url}/`, theme, (page) => page.waitForSelector('.empty')),
    ).toEqual([])
  })

  it('on a narrow screen', async () => {
    expect(await violations(`${api.url}/s/checkout/diff`, 'light', waitForGraph, 420)).toEqual([])
  })
})

describe('the mirror of the canvas', () => {
  it('names the frame the cursor is on, its place and its values', async () => {
    const { page, context } = await openPage(browser)
    await page.goto(`${api.url}/s/checkout/diff?panes=graph`)
    await waitForGraph(page)
    const tree = page.locator('[role=tree]')
    await tree.focus()
    const active = async (): Promise<{ text: string; level: string; position: string }> => {
      const id = await tree.getAttribute('aria-activedescendant')
      const item = page.locator(`[id="${id}"]`)
      return {
        text: (await item.textContent()) ?? '',
        level: (await item.getAttribute('aria-level')) ?? '',
        position: `${await item.getAttribute('aria-posinset')} of ${await item.getAttribute('aria-setsize')}`,
      }
    }
    expect((await active()).text).toContain('total: A total 100.0%')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowRight')
    const second = await active()
    expect(second.level).toBe('2')
    expect(second.position).toBe('2 of 2')
    expect(second.text).toMatch(/runtime\.\w+: A total [\d.]+%, self [\d.]+%; B total/)
    expect(await page.locator('[role=status]').last().textContent()).toBe(second.text)
    await context.close()
  })
})

async function violations(
  url: string,
  theme: 'light' | 'dark',
  arrive: (page: Page) => Promise<unknown>,
  width = 1280,
): Promise<string[]> {
  const { page, context } = await openPage(browser, { theme, width })
  try {
    await page.goto(url)
    await arrive(page)
    await page.evaluate(AXE)
    return await page.evaluate<string[]>(
      `axe.run(document).then(({ violations }) => violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 200) + ' ' + n.failureSummary)))`,
    )
  } finally {
    await context.close()
  }
}

async function openSandwich(page: Page): Promise<void> {
  await waitForGraph(page)
  await page.locator('.graph-scroll').click({ position: { x: 60, y: 90 } })
  await page.click('text=Sandwich')
  await page.waitForSelector('text=Callers')
}

async function openMenu(page: Page, title: string): Promise<void> {
  await page.click(`button[title="${title}"]`)
  await page.waitForSelector('.panel:popover-open .menu-list li')
}

async function openHelp(page: Page): Promise<void> {
  await page.waitForSelector('text=checkout')
  await page.keyboard.press('?')
  await page.waitForSelector('dialog[open]')
}
