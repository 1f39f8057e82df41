import { readFileSync } from 'node:fs'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { openSampler, type Sampler, type SamplerCost } from '../../collector/kernel/sampler.ts'
import { STACK_ABSENT } from '../../collector/window.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { sectionOf } from './elf-section.ts'
import { compile, NO_FRAME_POINTERS, requireRoot, start, temporaryDirectory } from './programs.ts'
import { TableLoader } from './table-loader.ts'
import { rowsOf, stackOf, unaccountedOf } from './windows.ts'

const directory = temporaryDirectory()
let chain = ''
beforeAll(() => {
  chain = compile('chain', directory, NO_FRAME_POINTERS)
})
beforeEach(requireRoot)

type ChainStack = {
  /** Functions of the program itself, leaf first; others are left out. */
  readonly names: readonly string[]
  /** Of the leaf, from where the executable is mapped. */
  readonly leaf: bigint
  readonly inKernel: boolean
}

/** Samples the chain once its tables are there. */
async function sampleChain(
  mode: string,
  enough: (stacks: readonly ChainStack[]) => boolean,
): Promise<{ stacks: ChainStack[]; cost: SamplerCost }> {
  let loader: TableLoader | undefined
  let program: Promise<unknown> = Promise.resolve()
  const { child, pid, ended } = start(chain, [mode])
  const symbols = await readSymbols(child.stdout)
  const isLoaded = Promise.withResolvers<void>()
  const sampler: Sampler = await openSampler({
    frequencyHz: 999,
    log: silentLog(),
    niceness: 0,
    unwind: 'tables',
    onProcess: (run) => {
      if (run.tgid !== pid) return
      program = (loader as TableLoader).load(run).then(isLoaded.resolve, isLoaded.reject)
    },
  })
  try {
    if (!sampler.unwindTables) throw new Error(`no tables: ${sampler.notes.join()}`)
    loader = new TableLoader(sampler.unwindTables)
    await isLoaded.promise
    await program
    // What was sampled before the tables were there.
    await sampler.drain()
    const before = sampler.cost()
    const stacks: ChainStack[] = []
    while (!enough(stacks)) {
      const window = await sampler.drain()
      expect(unaccountedOf(window)).toBe(0)
      for (const row of rowsOf(window, pid)) {
        const index = window.userStack[row] ?? -1
        if (index < 0) throw new Error(`no user stack: ${index}`)
        const addresses = stackOf(window, index)
        const names = addresses.map((address, i) => nameOf(symbols, address - (i > 0 ? 1n : 0n)))
        stacks.push({
          names: names.filter((name) => name !== ''),
          leaf: (addresses[0] ?? 0n) - (symbols.get('executable') ?? 0n),
          inKernel: window.kernelStack[row] !== STACK_ABSENT,
        })
      }
    }
    return { stacks, cost: since(sampler.cost(), before) }
  } finally {
    await sampler.close()
    child.stdin?.end()
    await ended
  }
}

const MAIN = ['inner', 'middle', 'outer', 'main', '_start']
const isWhole = ({ names }: ChainStack) => names.at(-1) === '_start'

test('a program without frame pointers comes whole, in user mode', async () => {
  const { stacks, cost } = await sampleChain('burn', (s) => s.length >= 30)
  const chains = stacks.filter(({ names }) => names[0] === 'spin').map(({ names }) => names)
  expect(chains.length).toBeGreaterThan(20)
  for (const names of chains) expect(names).toEqual(['spin', ...MAIN])
  expect(cost.unwindEnds.whole).toBeGreaterThanOrEqual(30)
  process.stdout.write(`verified instructions: ${cost.verifiedInstructions} of 1,000,000\n`)
})

test('a program without frame pointers comes whole where the sample hit the kernel', async () => {
  const { stacks } = await sampleChain('calls', (s) => s.filter((x) => x.inKernel).length >= 30)
  expect(stacks.filter(isWhole).length).toBe(stacks.length)
  const inRead = stacks.filter(({ inKernel, names }) => inKernel && names.includes('inner'))
  expect(inRead.length).toBeGreaterThan(20)
  for (const { names } of inRead) expect(names).toEqual(MAIN)
})

test('a stub that calls into another library hides no caller', async () => {
  const { offset, size } = sectionOf(readFileSync(chain), '.plt')
  const isInStub = ({ leaf }: ChainStack) => leaf >= offset && leaf < offset + size
  const { stacks } = await sampleChain('plt', (s) => s.filter(isInStub).length >= 5)
  for (const { names } of stacks.filter(isInStub)) expect(names).toEqual(MAIN)
})

test('what a signal handler interrupted stands above it', async () => {
  const { stacks } = await sampleChain(
    'signal',
    (s) => s.filter(({ names }) => names[0] === 'spin').length >= 30,
  )
  for (const { names } of stacks.filter((s) => s.names[0] === 'spin'))
    expect(names).toEqual(['spin', 'handler', ...MAIN])
})

type Symbols = ReadonlyMap<string, bigint>

async function readSymbols(output: NodeJS.ReadableStream | null): Promise<Symbols> {
  let text = ''
  for await (const chunk of output ?? []) {
    text += chunk.toString()
    if (/^end .*\n/m.test(text)) break
  }
  return new Map(
    [...text.matchAll(/^(\w+) (0x[0-9a-f]+)$/gm)].map(([, name = '', hex = '0']) => [
      name,
      BigInt(hex),
    ]),
  )
}

/** The function of the program an address is in; '' for those of others. */
function nameOf(symbols: Symbols, address: bigint): string {
  let name = ''
  let best = 0n
  for (const [symbol, start] of symbols)
    if (start <= address && start > best) {
      name = symbol
      best = start
    }
  return name === 'executable' || name === 'end' ? '' : name
}

function since(cost: SamplerCost, before: SamplerCost): SamplerCost {
  const whole = cost.unwindEnds.whole - before.unwindEnds.whole
  return { ...cost, unwindEnds: { ...cost.unwindEnds, whole } }
}
