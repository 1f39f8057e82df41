import { expect, test } from 'vitest'
import { callTreeOf, stacksOf } from '../../tests/fixtures/call-tree.ts'
import { sumUp } from './call-tree.ts'
import { layOut } from './layout.ts'
import { drawSvg } from './svg.ts'

function draw(text: string, sides: number): string {
  const scales = [0.01, 0.01].slice(0, sides)
  const layout = layOut(sumUp(callTreeOf(stacksOf(text), sides)), { scales, maxNodes: 100 })
  const confidence = sides === 2 ? new Float64Array(layout.nodes).fill(1) : null
  return drawSvg(layout, { title: '{service="a"}', unit: 'nanoseconds', scales, confidence })
}

const boxOf = (svg: string, name: string) =>
  new RegExp(`<title>${name}\\n.*?<rect x="(\\S+)" y="(\\S+)" width="(\\S+)".*?fill="(\\S+)"`, 's')
    .exec(svg)
    ?.slice(1)

test('boxes are as wide as their share and stand under their parents', () => {
  const svg = draw('main;a 75\nmain;b 25', 1)
  expect(boxOf(svg, 'main')?.slice(0, 3)).toEqual(['0.00', '47', '1200.00'])
  expect(boxOf(svg, 'a')?.slice(0, 3)).toEqual(['0.00', '64', '900.00'])
  expect(boxOf(svg, 'b')?.slice(0, 3)).toEqual(['900.00', '64', '300.00'])
  expect(svg).toContain('<title>a\n75 nanoseconds, 75.0 %</title>')
})

test('more in B is vermillion, less is blue, the same is grey', () => {
  const svg = draw('main;new 0 50\nmain;gone 50 0\nmain;same 50 50', 2)
  expect(boxOf(svg, 'new')?.[3]).toBe('rgb(238,127,60)')
  expect(boxOf(svg, 'gone')?.[3]).toBe('rgb(74,155,212)')
  expect(boxOf(svg, 'same')?.[3]).toBe('rgb(224,224,224)')
  expect(svg).toContain('less in B')
})

test('names are text and nothing else', () => {
  const svg = draw("<script>alert(1)</script>;\"><a href='x'>&\u0001 5", 1)
  expect(svg).not.toContain('<script>')
  expect(svg).not.toContain('<a ')
  expect(svg).not.toContain('\u0001')
  expect(svg).toContain('&lt;script&gt;')
  // Markup is balanced: each opening tag is closed in order.
  const open: string[] = []
  for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name)
    else if (!self) open.push(name as string)
  }
  expect(open).toEqual([])
})

test('nothing is drawn of nothing', () => {
  const layout = layOut(sumUp(callTreeOf([], 2)), { scales: [0, 0], maxNodes: 10 })
  const svg = drawSvg(layout, {
    title: 'none',
    unit: 'bytes',
    scales: [0, 0],
    confidence: new Float64Array(1),
  })
  expect(svg).not.toContain('NaN')
})
