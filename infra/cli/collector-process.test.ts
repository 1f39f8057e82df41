import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../runtime/log.ts'
import type { CollectorState } from './collector-process.ts'
import { superviseCollector } from './collector-process.ts'

class FakeChild extends EventEmitter {
  readonly signals: string[] = []

  kill(signal: string): boolean {
    this.signals.push(signal)
    return true
  }
}

function supervise() {
  const children: FakeChild[] = []
  const states: CollectorState[] = []
  const waits: { readonly run: () => void; readonly ms: number }[] = []
  const collector = superviseCollector({
    start() {
      const child = new FakeChild()
      children.push(child)
      return child as unknown as ChildProcess
    },
    log: silentLog(),
    onState: (state) => states.push(state),
    setTimeout(run, ms) {
      waits.push({ run, ms })
      return { unref() {} }
    },
  })
  const child = () => children.at(-1) as FakeChild
  return { collector, children, states, waits, child }
}

describe('superviseCollector', () => {
  it('hands on what the collector says of itself', () => {
    const { collector, child, states } = supervise()
    expect(collector.state()).toEqual({ state: 'starting' })
    child().emit('message', { state: 'sampling' })
    child().emit('message', 'something else')
    expect(collector.state()).toEqual({ state: 'sampling' })
    expect(states).toEqual([{ state: 'starting' }, { state: 'sampling' }])
  })

  it('starts a collector that crashed again, and waits twice as long each time', () => {
    const { collector, child, children, waits } = supervise()
    child().emit('exit', null, 'SIGSEGV')
    expect(collector.state()).toEqual({
      state: 'stopped',
      message: 'The collector was ended by SIGSEGV; it starts again in 1 s.',
    })
    for (let i = 0; i < 8; i++) {
      waits[i]?.run()
      child().emit('exit', 2, null)
    }
    expect(children).toHaveLength(9)
    expect(waits.map(({ ms }) => ms / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
  })

  it('waits a second again once a collector has sampled', () => {
    const { child, waits } = supervise()
    child().emit('exit', 2, null)
    waits[0]?.run()
    child().emit('message', { state: 'sampling' })
    child().emit('exit', 2, null)
    expect(waits.map(({ ms }) => ms)).toEqual([1_000, 1_000])
  })

  it('leaves a collector down that may not sample this machine', () => {
    const { collector, child, waits } = supervise()
    child().emit('message', { state: 'failed', message: 'no rights', hint: 'be root', final: true })
    child().emit('exit', 2, null)
    expect(collector.state()).toEqual({ state: 'failed', message: 'no rights', hint: 'be root' })
    expect(waits).toEqual([])
  })

  it('starts a collector again that was only in trouble when it ended', () => {
    const { child, waits } = supervise()
    child().emit('message', { state: 'failed', message: 'a window was lost' })
    child().emit('exit', null, 'SIGKILL')
    expect(waits).toHaveLength(1)
  })

  it('ends the collector by SIGTERM, once, and waits for its end', async () => {
    const { collector, child, waits } = supervise()
    let closed = false
    const closing = collector.close().then(() => {
      closed = true
    })
    const again = collector.close()
    expect(child().signals).toEqual(['SIGTERM'])
    await Promise.resolve()
    expect(closed).toBe(false)
    child().emit('exit', 0, null)
    await Promise.all([closing, again])
    expect(collector.state()).toEqual({ state: 'stopped' })
    expect(waits).toEqual([])
  })

  it('does not start a collector after it was closed in a pause', async () => {
    const { collector, child, children, waits } = supervise()
    child().emit('exit', 2, null)
    await collector.close()
    waits[0]?.run()
    expect(children).toHaveLength(1)
  })
})
