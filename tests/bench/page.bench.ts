import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright'
import { decodeColumns } from '../../ui/flamegraph/columns.ts'
import { findNode } from '../../ui/flamegraph/hit.ts'
import { layOutTree } from '../../ui/flamegraph/layout.ts'
import { collectMatches, matchFunctions, parseSearch } from '../../ui/flamegraph/search.ts'
import { buildTree, levelCount } from '../../ui/flamegraph/tree.ts'
import { launchBrowser } from '../fixtures/browser.ts'
import { drawSide } from '../fixtures/drawn-graph.ts'
import { deepBranching, growTree } from '../fixtures/fake-api/call-tree.ts'
import { encodeColumns } from '../fixtures/fake-api/columns.ts'
import { wideProgram } from '../fixtures/fake-api/programs.ts'
import { startFakeApi } from '../fixtures/fake-api/server.ts'
import type { Measurement } from './measurement.ts'
import { quantile } from './measurement.ts'

export const name = 'page'

// 150 levels of 40 functions, 6,000 names: depth and reuse as in real call graphs.
const PROGRAM = wideProgram(150, 40)
const RANGE = 'from=2026-11-25T10:00:00Z&to=2026-11-25T11:00:00Z'
const DIFF = `/s/checkout/diff?${RANGE}&a=v2.14.3&b=v2.15.0&panes=graph`
const FRAMES = 120

// What the functions that run inside the browser see of it; this file is checked for Node.
type Seen = { arrived: number; painted: number; longest: number }
type Context = {
  readonly canvas: { closest(selector: string): unknown }
  getImageData(x: number, y: number, width: number, height: number): unknown
}
declare const window: { seen: Seen }
declare const document: {
  querySelector(selector: string): {
    getBoundingClientRect(): { left: number; top: number; width: number }
    dispatchEvent(event: unknown): void
  } | null
}
declare const WheelEvent: new (type: string, init: Record<string, unknown>) => unknown
declare const CanvasRenderingContext2D: {
  prototype: { setTransform: (this: Context, ...args: unknown[]) => void }
}
declare function requestAnimationFrame(callback: (frameStart: number) => void): number

/** In Debian's Chromium without a GPU, 1600 x 900; values of the page's own code in Node beside. */
export async function run(): Promise<readonly Measurement[]> {
  const results: Measurement[] = [...measureFiles(), ...measureCode(1_000_000)]
  const browser = await launchBrowser()
  try {
    results.push(...(await measureBrowser(browser, 100_000, { loads: 40, atMost: 80 })))
    results.push(...(await measureBrowser(browser, 1_000_000, { loads: 20, atMost: 200 })))
  } finally {
    await browser.close()
  }
  return results
}

function measureFiles(): Measurement[] {
  const directory = join(import.meta.dirname, '../../ui/dist')
  const size = (path: string): number => gzipSync(readFileSync(path), { level: 9 }).length / 1000
  const files = readdirSync(join(directory, 'assets')).map((file) =>
    join(directory, 'assets', file),
  )
  const scripts = files.filter((file) => file.endsWith('.js'))
  const sum = (list: readonly string[]): number =>
    list.reduce((total, file) => total + size(file), 0)
  return [
    { what: 'all scripts, gzipped', value: sum(scripts), unit: 'kB' },
    {
      what: 'the whole page, gzipped',
      value: sum([...files, join(directory, 'index.html')]),
      unit: 'kB',
      target: { atMost: 60 },
    },
  ]
}

function measureCode(nodes: number): Measurement[] {
  const grown = growTree(PROGRAM, {
    seed: 5,
    nodes,
    totalA: 3e13,
    totalB: 3.3e13,
    branching: deepBranching,
  })
  const header = {
    type: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
    unit: 'nanoseconds',
    a: drawSide({ total: grown.cumA[0] ?? 0 }),
    b: drawSide({ total: grown.cumB[0] ?? 0 }),
    truncated: null,
    source: 'profiles',
  }
  const bytes = encodeColumns(grown, header)
  const scales = { a: 1 / (grown.cumA[0] || 1), b: 1 / (grown.cumB[0] || 1) }
  const decode = () => {
    const tree = buildTree(decodeColumns(bytes.buffer.slice(0)))
    return { tree, layout: layOutTree(tree, scales, 'union') }
  }
  decode()
  const decodeMs = time(() => decode())
  const { tree, layout } = decode()
  const matcher = parseSearch('/Decode.*acme/')
  const search = (): number =>
    matcher ? collectMatches(tree, layout, matchFunctions(tree, matcher)).count : 0
  search()
  const searchMs = time(search)
  const hits = 100_000
  const levels = levelCount(tree)
  const hitUs =
    (time(() => {
      let found = 0
      for (let i = 0; i < hits; i++)
        found += findNode(tree, layout, i % levels, ((i * 0.618034) % 1) * layout.total)
      return found
    }) *
      1000) /
    hits
  const arrays = [
    tree.fn,
    tree.parent,
    tree.firstChild,
    tree.childCount,
    tree.cumA,
    tree.cumB,
    tree.confidence,
    layout.w,
    layout.start,
  ]
  const perNode = arrays.reduce((sum, array) => sum + (array?.BYTES_PER_ELEMENT ?? 0), 0)
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
  return [
    { what: 'decode and layout, 1M frames, warm, Node', value: decodeMs, unit: 'ms' },
    {
      what: 'pattern search, 1M frames, warm, Node',
      value: searchMs,
      unit: 'ms',
      target: { atMost: 30 },
    },
    {
      what: `hit test, 1M frames, ${levels} levels`,
      value: hitUs,
      unit: 'µs',
      target: { atMost: 5 },
    },
    { what: 'memory of tree and layout', value: perNode, unit: 'B/frame', target: { atMost: 64 } },
    {
      what: 'wire, 1M frames, brotli 5',
      value: brotli.length / 1e6,
      unit: 'MB',
      target: { atMost: 3 },
    },
  ]
}

function time(call: () => unknown): number {
  const start = performance.now()
  call()
  return performance.now() - start
}

async function measureBrowser(
  browser: Browser,
  nodes: number,
  { loads, atMost }: { loads: number; atMost: number },
): Promise<Measurement[]> {
  const api = await startFakeApi({ nodes, program: PROGRAM })
  const size = `${nodes.toLocaleString('en')} frames`
  try {
    // The first page of all starts the browser's own processes.
    const warm = await openPage(browser, api.url, 1)
    await readLoad(warm)
    await warm.close()
    const firsts: number[] = []
    let longest = 0
    for (let i = 0; i < loads; i++) {
      const page = await openPage(browser, api.url, 1)
      const { firstMs, longestMs } = await readLoad(page)
      firsts.push(firstMs)
      longest = Math.max(longest, longestMs)
      await page.close()
    }
    const results: Measurement[] = [
      {
        what: `${size}: last byte to first paint, p95`,
        value: quantile(firsts, 0.95),
        unit: 'ms',
        target: { atMost },
      },
      { what: `${size}: last byte to first paint, p50`, value: quantile(firsts, 0.5), unit: 'ms' },
      { what: `${size}: longest task of ${loads} loads`, value: longest, unit: 'ms' },
    ]
    for (const dpr of [1, 2]) {
      const page = await openPage(browser, api.url, dpr)
      await readLoad(page)
      const { gaps, work } = await panAndZoom(page)
      await page.close()
      results.push(
        {
          what: `${size}: frame gap while zooming and panning, dpr ${dpr}, p95`,
          value: quantile(gaps, 0.95),
          unit: 'ms',
          ...(nodes === 1_000_000 && { target: { atMost: dpr === 1 ? 17 : 25 } }),
        },
        {
          what: `${size}: script per frame, dpr ${dpr}, p50`,
          value: quantile(work, 0.5),
          unit: 'ms',
        },
        {
          what: `${size}: script per frame, dpr ${dpr}, p95`,
          value: quantile(work, 0.95),
          unit: 'ms',
        },
      )
    }
    return results
  } finally {
    await api.close()
  }
}

async function openPage(browser: Browser, url: string, dpr: number): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: 1600, height: 900 },
    deviceScaleFactor: dpr,
  })
  // Notes when the last byte is there and when the first drawing after it is on the canvas. Reading
  // a pixel back forces the drawing, which otherwise ends after the script.
  await page.addInitScript(() => {
    const seen = { arrived: 0, painted: 0, longest: 0 }
    window.seen = seen
    const read = Response.prototype.arrayBuffer
    Object.assign(Response.prototype, {
      async arrayBuffer(this: Response) {
        const bytes = await read.call(this)
        seen.arrived = performance.now()
        return bytes
      },
    })
    const set = CanvasRenderingContext2D.prototype.setTransform
    CanvasRenderingContext2D.prototype.setTransform = function (this: Context, ...args: unknown[]) {
      if (seen.arrived > 0 && seen.painted === 0 && this.canvas.closest('.graph'))
        queueMicrotask(() => {
          this.getImageData(0, 0, 1, 1)
          seen.painted ||= performance.now()
        })
      Reflect.apply(set, this, args)
    }
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        if (seen.arrived > 0 && entry.startTime + entry.duration > seen.arrived)
          seen.longest = Math.max(seen.longest, entry.duration)
    })
    // Node's types do not know what only browsers have.
    Reflect.apply(observer.observe, observer, [{ type: 'longtask', buffered: true }])
  })
  await page.goto(url + DIFF)
  return page
}

async function readLoad(page: Page): Promise<{ firstMs: number; longestMs: number }> {
  const seen = await page.waitForFunction(
    () => {
      const { seen } = window
      return seen.painted > 0 && performance.now() - seen.painted > 300 ? seen : null
    },
    undefined,
    { timeout: 120_000 },
  )
  const { arrived, painted, longest } = (await seen.jsonValue()) as Seen
  return { firstMs: painted - arrived, longestMs: longest }
}

// Wheel events as a hand makes them: zoom in, move sideways, zoom out; one per frame.
async function panAndZoom(page: Page): Promise<{ gaps: number[]; work: number[] }> {
  return page.evaluate(async (frames) => {
    const target = document.querySelector('.graph-scroll')
    if (!target) throw new Error('there is no graph')
    const box = target.getBoundingClientRect()
    const gaps: number[] = []
    const work: number[] = []
    let last = 0
    for (let i = 0; i < frames; i++) {
      const zooming = i % 40 < 15 ? -1 : i % 40 >= 25 ? 1 : 0
      target.dispatchEvent(
        new WheelEvent('wheel', {
          bubbles: true,
          cancelable: true,
          clientX: box.left + box.width * 0.37,
          clientY: box.top + 200,
          deltaX: zooming === 0 ? 60 : 0,
          deltaY: zooming * 60,
          ctrlKey: zooming !== 0,
        }),
      )
      // The page asked for this very frame first, so its drawing is part of the time.
      const start = await new Promise<number>((resolve) => requestAnimationFrame(resolve))
      if (last > 0) gaps.push(start - last)
      last = start
      work.push(performance.now() - start)
    }
    return { gaps, work }
  }, FRAMES)
}
