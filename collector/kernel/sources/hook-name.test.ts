import { expect, test } from 'vitest'
import { nameProfile, parseProfileType } from '../../../infra/contract/profile.ts'
import { formatHook, parseHook, sampleTypeOf } from './hook-name.ts'

test.each([
  ['tracepoint:sched:sched_switch', 'tracepoint/sched/sched_switch'],
  ['kprobe:vfs_read', 'kprobe/vfs_read'],
  ['kprobe:do_sys_poll.part.0', 'kprobe/do_sys_poll.part.0'],
  ['uprobe:/usr/lib/x86_64-linux-gnu/libc.so.6:malloc', 'uprobe/libc.so.6/malloc'],
  ['uprobe:/opt/my app:ns::f(int)', 'uprobe/my_app/ns__f_int_'],
])('%s is a hook, and its own profile type', (text, type) => {
  const hook = parseHook(text)
  if (!hook) throw new Error('no hook')
  expect(formatHook(hook)).toBe(text)
  expect(sampleTypeOf(hook)).toBe(type)
  expect(nameProfile([type])).toBe('event')
  expect(parseProfileType(`event:${type}:count:event:count`)).toMatchObject({ sampleType: type })
})

test('long names stay apart', () => {
  const [one, two] = ['1', '2'].map((end) => {
    const hook = parseHook(`uprobe:/bin/app:_ZN${'x'.repeat(200)}${end}`)
    return hook && sampleTypeOf(hook)
  })
  expect(one).toHaveLength(100)
  expect(one).not.toBe(two)
})

test.each([
  'vfs_read',
  'kretprobe:vfs_read',
  'kprobe:',
  'kprobe:a:b',
  'tracepoint:sched',
  'tracepoint:../x:y',
  'uprobe:libc:malloc',
  'uprobe:/bin/app',
])('%j is none', (text) => expect(parseHook(text)).toBeNull())
