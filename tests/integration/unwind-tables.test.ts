import { expect, test } from 'vitest'
import {
  MAPPING,
  PROCESS,
  type ProgramRun,
  TABLE_FRAME_POINTERS,
  TABLE_UNKNOWN,
  type UnwindTables,
} from '../../collector/kernel/unwind-layout.ts'
import { type Mapping, Mappings, readMappings } from '../../collector/process/mappings.ts'
import { Unwinder } from '../../collector/unwind/unwinder.ts'
import { createLog } from '../../infra/runtime/log.ts'

// What the kernel is told about real files, by a kernel that writes it down.

class RecordedMaps implements UnwindTables {
  /** Values by id. */
  readonly tables = new Map<number, number>()
  readonly entries = new Map<string, DataView>()
  readonly log: string[] = []

  async setTable(id: number, values: number, fill: (words: Uint32Array) => void): Promise<void> {
    const words = new Uint32Array(values * 2)
    fill(words)
    expect(this.tables.has(id)).toBe(false)
    this.tables.set(id, values)
    this.log.push(`set ${id}`)
  }

  async deleteTable(id: number): Promise<void> {
    for (const key of this.entries.keys()) expect(this.idsOf(key)).not.toContain(id)
    this.tables.delete(id)
    this.log.push(`delete ${id}`)
  }

  setProcess(run: ProgramRun, entry: Uint8Array): void {
    const bytes = entry.slice()
    this.entries.set(keyOf(run), new DataView(bytes.buffer))
    for (const id of this.idsOf(keyOf(run)))
      if (id !== TABLE_UNKNOWN && id !== TABLE_FRAME_POINTERS)
        expect(this.tables.has(id)).toBe(true)
  }

  deleteProcess(run: ProgramRun): void {
    this.entries.delete(keyOf(run))
  }

  clearProcesses(): void {
    this.entries.clear()
  }

  idsOf(key: string): number[] {
    const view = this.entries.get(key) as DataView
    const used = view.getUint32(PROCESS.mappingsUsed, true)
    return Array.from({ length: used }, (_, i) =>
      view.getUint32(PROCESS.mappings + i * MAPPING.bytes + MAPPING.table, true),
    )
  }

  isQuiet(key: string): boolean {
    return this.entries.get(key)?.getUint32(PROCESS.quiet, true) === 1
  }
}

function keyOf({ tgid, startTimeNs, program }: ProgramRun): string {
  return `${tgid}:${startTimeNs}:${program}`
}

function open(maxBytes = 64 << 20) {
  const maps = new RecordedMaps()
  const log = createLog('silent')
  return { maps, unwinder: new Unwinder({ maps, maxBytes, log, pause: () => undefined }) }
}

function run(startTimeNs: bigint, program = 1): ProgramRun {
  return { tgid: process.pid, startTimeNs, program }
}

const OWN = readMappings(process.pid) as Mappings

function only(pattern: RegExp): Mappings {
  const list = OWN.list.filter(({ path }) => pattern.test(path))
  expect(list.length).toBeGreaterThan(0)
  return new Mappings(list)
}

const LIBC = /\/libc[.-]/
const LIBSTDCXX = /\/libstdc\+\+/
const alive = () => true

test('two processes of the same files share their tables', async () => {
  const { maps, unwinder } = open()
  unwinder.see(run(1n), OWN)
  unwinder.see(run(2n), new Mappings([...OWN.list]))
  await unwinder.settle()
  const files = new Set(OWN.list.filter(({ kind }) => kind !== 'anonymous').map(nameOf))
  expect(maps.tables.size).toBe(files.size)
  expect(maps.idsOf(`${process.pid}:1:1`)).toEqual(maps.idsOf(`${process.pid}:2:1`))
  const ids = maps.idsOf(`${process.pid}:1:1`)
  expect(ids).not.toContain(TABLE_UNKNOWN)
  expect(ids).toContain(TABLE_FRAME_POINTERS)
  expect(unwinder.stats()).toMatchObject({ processes: 2, tables: files.size, overBudget: 0 })
})

function nameOf({ path }: Mapping): string {
  return path
}

test('of what is prepared, a process has whole tables from its first entry on', async () => {
  const { maps, unwinder } = open()
  await unwinder.prepare([process.pid], () => OWN)
  expect(maps.entries.size).toBe(0)
  unwinder.see(run(1n), OWN)
  const ids = maps.idsOf(`${process.pid}:1:1`)
  expect(ids.length).toBeGreaterThan(0)
  expect(ids).not.toContain(TABLE_UNKNOWN)
})

test('a file that is too large is walked by frame pointers, counted and named', async () => {
  const { maps, unwinder } = open(1 << 20)
  unwinder.see(run(1n), OWN)
  await unwinder.settle()
  expect(maps.idsOf(`${process.pid}:1:1`)).toContain(TABLE_UNKNOWN)
  expect(unwinder.stats().overBudget).toBeGreaterThan(0)
  expect(unwinder.stats().bytes).toBeLessThanOrEqual(1 << 20)
  expect(unwinder.notes().join()).toContain('--unwind-table-memory')
})

test('the table unused the longest makes room, and its id is used again once no entry has it', async () => {
  // Either of the two fits alone.
  const { maps, unwinder } = open(300 << 10)
  unwinder.see(run(1n), only(LIBC))
  await unwinder.settle()
  const [first] = maps.idsOf(`${process.pid}:1:1`) as [number]
  unwinder.see(run(2n), only(LIBSTDCXX))
  await unwinder.settle()
  expect(unwinder.stats()).toMatchObject({ tables: 1, overBudget: 1, evicted: 0 })

  const sampled: [string, null][] = [[`${process.pid}:2`, null]]
  for (let i = 0; i < 3; i++) unwinder.endWindow(sampled, alive)
  await unwinder.settle()
  expect(maps.idsOf(`${process.pid}:1:1`)).toEqual([TABLE_UNKNOWN])
  expect(maps.idsOf(`${process.pid}:2:1`)).toEqual([first])
  expect(maps.log).toEqual([`set ${first}`, `delete ${first}`, `set ${first}`])
  expect(unwinder.stats()).toMatchObject({ tables: 1, overBudget: 0, evicted: 1 })

  for (let i = 0; i < 3; i++) unwinder.endWindow([[`${process.pid}:1`, null]], alive)
  await unwinder.settle()
  expect(maps.idsOf(`${process.pid}:1:1`)).toEqual([first])
})

test('a process that ended, or runs another program, has its entry removed', async () => {
  const { maps, unwinder } = open()
  unwinder.see(run(1n), only(LIBC))
  unwinder.see(run(2n), only(LIBC))
  unwinder.see(run(2n, 7), only(LIBC))
  await unwinder.settle()
  expect([...maps.entries.keys()]).toEqual([`${process.pid}:1:1`, `${process.pid}:2:7`])
  unwinder.endWindow([], ({ startTimeNs }) => startTimeNs === 2n)
  expect([...maps.entries.keys()]).toEqual([`${process.pid}:2:7`])
})

test('changed mappings are told, and a process whose addresses lead nowhere is left in peace', async () => {
  const { maps, unwinder } = open()
  const key = `${process.pid}:1:1`
  const libc = only(LIBC)
  unwinder.see(run(1n), libc)
  for (let i = 0; i < 3; i++) {
    expect(maps.isQuiet(key)).toBe(false)
    unwinder.see(run(1n), libc, true)
  }
  expect(maps.isQuiet(key)).toBe(true)
  unwinder.endWindow([[`${process.pid}:1`, OWN]], alive)
  expect(maps.isQuiet(key)).toBe(false)
  await unwinder.settle()
  expect(maps.idsOf(key).length).toBeGreaterThan(1)
})
