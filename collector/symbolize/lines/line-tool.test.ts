import { expect, test } from 'vitest'
import { LINE_TOOL_USE } from './line-tool.ts'

const llvm = LINE_TOOL_USE['llvm-symbolizer'].parse
const addr2line = LINE_TOOL_USE.addr2line.parse

// As LLVM 14 and binutils 2.40 print them.
const LLVM = `{"Address":"0x1190","ModuleName":"/proc/self/fd/3","Symbol":[{"Column":20,"Discriminator":0,"FileName":"a.cc","FunctionName":"_ZN7kitchen3mixEjj","Line":11,"StartAddress":"","StartFileName":"a.cc","StartLine":8},{"Column":3,"Discriminator":0,"FileName":"a.cc","FunctionName":"serve","Line":35,"StartAddress":"0x1190","StartFileName":"a.cc","StartLine":32}]}
{"Address":"0x9","ModuleName":"/proc/self/fd/3","Symbol":[{"Column":0,"Discriminator":0,"FileName":"","FunctionName":"","Line":0,"StartAddress":"","StartFileName":"","StartLine":0}]}
{"Address":"0x10","Error":{"Message":"no such file"},"ModuleName":"x"}
`
const ADDR2LINE = `0x0000000000001190
_ZN7kitchen3mixEjj
/src/a.cc:11
serve
/src/a.cc:35 (discriminator 2)
0x0000000000000009
??
??:0
0x0000000000000010
start
??:?
`

test('what LLVM prints for addresses is chains of functions, none where nothing is known', () => {
  expect(llvm(LLVM, 3)).toEqual([
    [
      {
        ...{ name: 'kitchen::mix(unsigned int, unsigned int)', systemName: '_ZN7kitchen3mixEjj' },
        ...{ file: 'a.cc', line: 11, startLine: 8 },
      },
      { name: 'serve', systemName: 'serve', file: 'a.cc', line: 35, startLine: 32 },
    ],
    [],
    [],
  ])
})

test('what binutils prints for addresses is the same, without where functions begin', () => {
  const at = (line: number) => ({ file: '/src/a.cc', line, startLine: 0 })
  expect(addr2line(ADDR2LINE, 3)).toMatchObject([
    [
      { systemName: '_ZN7kitchen3mixEjj', ...at(11) },
      { name: 'serve', ...at(35) },
    ],
    [],
    [{ name: 'start', file: '', line: 0 }],
  ])
})

test('output of fewer addresses than were asked for, or of another form, is none', () => {
  for (const parse of [llvm, addr2line]) {
    expect(parse('', 1)).toBeNull()
    expect(parse('usage: tool [options]\n', 1)).toBeNull()
  }
  expect(llvm(LLVM, 4)).toBeNull()
  expect(addr2line(ADDR2LINE, 4)).toBeNull()
})

test('lines beyond what a line can be are none, and chains have an end', () => {
  const symbol = { FunctionName: 'f\u001b[31m', FileName: 'a.c', Line: 2 ** 40, StartLine: -1 }
  const [chain] = llvm(JSON.stringify({ Symbol: Array(5000).fill(symbol) }), 1) ?? []
  expect(chain).toHaveLength(100)
  expect(chain?.[0]).toMatchObject({ name: 'f?[31m', line: 0, startLine: 0 })
})

test('ten thousand changed outputs are read or refused', () => {
  let seed = 5
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  for (let round = 0; round < 10_000; round++) {
    const [output, parse] =
      round % 2 === 0 ? ([LLVM, llvm] as const) : ([ADDR2LINE, addr2line] as const)
    const bytes = Buffer.from(output)
    for (let change = random(6); change >= 0; change--)
      bytes[random(bytes.length)] = [0, 0x0a, 0x22, 0x5b, 0x7d, random(256)][random(6)] as number
    const chains = parse(bytes.toString('utf8'), 3)
    if (chains !== null) expect(chains).toHaveLength(3)
  }
})
