import { expect, test } from 'vitest'
import { CpuEvents } from './cpu-events.ts'

/** A machine whose CPUs can be taken away and given back. */
function machine(...cpus: number[]) {
  const online = new Set(cpus)
  const open: { cpu: number; alive: boolean; ns: bigint | null }[] = []
  return {
    online,
    opened: () => open.map((event) => event.cpu),
    // An event stands still once its CPU was offline, also after it is back.
    unplug: (cpu: number) => {
      online.delete(cpu)
      for (const event of open) if (event.cpu === cpu) event.alive = false
    },
    pass: () => {
      for (const event of open) if (event.alive && event.ns !== null) event.ns += 1000n
    },
    break: (cpu: number) => {
      for (const event of open) if (event.cpu === cpu) event.ns = null
    },
    source: {
      online: () => [...online],
      open: (cpu: number) => {
        if (!online.has(cpu)) return null
        const event = { cpu, alive: true, ns: 0n as bigint | null }
        open.push(event)
        return {
          runningNs: () => event.ns,
          close: () => void open.splice(open.indexOf(event), 1),
        }
      },
    },
  }
}

const NOTHING = { added: [], removed: [], reopened: [] }

test('every online CPU has one event, and a quiet machine is left alone', () => {
  const host = machine(0, 1, 5)
  const events = new CpuEvents(host.source)
  expect(events.rescan()).toEqual({ ...NOTHING, added: [0, 1, 5] })
  for (let window = 0; window < 3; window++) {
    host.pass()
    expect(events.rescan()).toEqual(NOTHING)
  }
  expect(host.opened()).toEqual([0, 1, 5])
})

test('a CPU that goes is closed, one that comes is opened', () => {
  const host = machine(0, 1)
  const events = new CpuEvents(host.source)
  events.rescan()
  host.unplug(1)
  host.online.add(2)
  host.pass()
  expect(events.rescan()).toEqual({ added: [2], removed: [1], reopened: [] })
  expect(host.opened()).toEqual([0, 2])
})

test('a CPU that went and came back between two looks gets a new event', () => {
  const host = machine(0, 1)
  const events = new CpuEvents(host.source)
  events.rescan()
  host.pass()
  events.rescan()
  host.unplug(1)
  host.online.add(1)
  host.pass()
  expect(events.rescan()).toEqual({ ...NOTHING, reopened: [1] })
  host.pass()
  expect(events.rescan()).toEqual(NOTHING)
  expect(host.opened()).toEqual([0, 1])
})

test('an event that cannot be read is opened again', () => {
  const host = machine(0)
  const events = new CpuEvents(host.source)
  events.rescan()
  host.break(0)
  expect(events.rescan()).toEqual({ ...NOTHING, reopened: [0] })
})

test('a CPU that goes while it is being opened is tried again at the next look', () => {
  const host = machine(0)
  let gone = true
  const events = new CpuEvents({
    online: () => [0, 1],
    open: (cpu) => {
      if (cpu === 1 && gone) return null
      host.online.add(cpu)
      return host.source.open(cpu)
    },
  })
  expect(events.rescan().added).toEqual([0])
  gone = false
  host.pass()
  expect(events.rescan().added).toEqual([1])
})

test('an error of one CPU leaves the others sampled', () => {
  const host = machine(0, 1)
  const events = new CpuEvents({
    online: host.source.online,
    open: (cpu) => {
      if (cpu === 1) throw new Error('no more descriptors')
      return host.source.open(cpu)
    },
  })
  expect(() => events.rescan()).toThrow('no more descriptors')
  expect(host.opened()).toEqual([0])
})

test('close closes every event', () => {
  const host = machine(0, 1)
  const events = new CpuEvents(host.source)
  events.rescan()
  events.close()
  expect(host.opened()).toEqual([])
  expect(events.size).toBe(0)
})
