import { expect, test } from 'vitest'
import { Gate } from './gate.ts'

function held() {
  let release = () => {}
  const promise = new Promise<void>((resolve) => {
    release = resolve
  })
  return { promise, release }
}

const never = new AbortController().signal

test('questions beyond the concurrency wait in order, beyond the queue they are refused', async () => {
  const gate = new Gate({ concurrency: 1, queue: 2 })
  const first = held()
  const order: string[] = []
  const run = (name: string, work: Promise<void>) =>
    gate.run(never, async () => {
      order.push(name)
      await work
    })
  const running = [run('first', first.promise), run('second', Promise.resolve())]
  running.push(run('third', Promise.resolve()))
  await expect(run('fourth', Promise.resolve())).rejects.toMatchObject({
    code: 'overloaded',
    status: 503,
    retriable: true,
  })
  expect([gate.running, gate.waiting]).toEqual([1, 2])
  first.release()
  await Promise.all(running)
  expect(order).toEqual(['first', 'second', 'third'])
  expect([gate.running, gate.waiting]).toEqual([0, 0])
})

test('a question whose client went away leaves the queue', async () => {
  const gate = new Gate({ concurrency: 1, queue: 1 })
  const first = held()
  const running = gate.run(never, () => first.promise)
  const client = new AbortController()
  const waiting = gate.run(client.signal, () => Promise.reject(new Error('must not run')))
  client.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'query_cancelled' })
  await expect(gate.run(client.signal, () => Promise.resolve())).rejects.toMatchObject({
    code: 'query_cancelled',
  })
  first.release()
  await running
  expect([gate.running, gate.waiting]).toEqual([0, 0])
})

test('a question that fails makes room', async () => {
  const gate = new Gate({ concurrency: 1, queue: 0 })
  await expect(gate.run(never, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await gate.run(never, () => Promise.resolve(7))).toBe(7)
})
