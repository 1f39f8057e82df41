import { expect, test } from 'vitest'
import { KeyedLock } from './keyed-lock.ts'

/** Tasks that end when they are told. */
function createTasks(lock: KeyedLock) {
  const log: string[] = []
  const gates = new Map<string, () => void>()
  const run = (name: string, keys: readonly string[]) =>
    lock.run(keys, async () => {
      log.push(`${name} starts`)
      await new Promise<void>((resolve) => gates.set(name, resolve))
      log.push(`${name} ends`)
      return name
    })
  const end = async (name: string) => {
    gates.get(name)?.()
    // Everything that can start now does so within these turns.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  return { log, run, end }
}

test('tasks of one key run one after the other, others beside them', async () => {
  const { log, run, end } = createTasks(new KeyedLock())
  const tasks = [run('a1', ['a']), run('a2', ['a']), run('b1', ['b'])]
  await end('')
  expect(log).toEqual(['b1 starts', 'a1 starts'].sort())
  await end('a1')
  expect(log.slice(2)).toEqual(['a1 ends', 'a2 starts'])
  await end('a2')
  await end('b1')
  expect(await Promise.all(tasks)).toEqual(['a1', 'a2', 'b1'])
})

test('a task of several keys waits for all of them, and none waits for ever', async () => {
  const { log, run, end } = createTasks(new KeyedLock())
  const tasks = [
    run('first', ['a']),
    run('both', ['a', 'b', 'a']),
    run('turned', ['b', 'a']),
    run('last', ['b']),
  ]
  for (const name of ['first', 'both', 'turned', 'last']) {
    await end('')
    expect(log.at(-1)).toBe(`${name} starts`)
    await end(name)
  }
  await Promise.all(tasks)
})

test('a task that fails frees its key', async () => {
  const lock = new KeyedLock()
  const failing = lock.run(['a'], () => Promise.reject(new Error('no')))
  const next = lock.run(['a'], async () => 'yes')
  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe('yes')
})
