import { expect, test } from 'vitest'
import { parseMappings, readMappings } from './mappings.ts'

const TEXT = `00400000-00401000 r--p 00000000 fe:00 123 /srv/app
00401000-00405000 r-xp 00001000 fe:00 123 /srv/app
00405000-00406000 rw-p 00005000 fe:00 123 /srv/app
01000000-02000000 rw-p 00000000 00:00 0                  [heap]
7f0000000000-7f0000001000 r-xp 00002000 103:02 4294967296 /usr/lib/lib with space.so (deleted)
7f0000010000-7f0000020000 rwxp 00000000 00:00 0 
7f0000020000-7f0000030000 r-xs 00000000 00:01 55 /memfd:jit (deleted)
7f0000030000-7f0000040000 r-xp 00000000 00:00 0          [anon:v8]
7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]
`

test('executable mappings only, without the vsyscall page', () => {
  const { list } = parseMappings(Buffer.from(TEXT))
  expect(list.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'file /srv/app',
    'file /usr/lib/lib with space.so',
    'anonymous ',
    'anonymous /memfd:jit',
    'anonymous [anon:v8]',
    'vdso [vdso]',
  ])
})

test('offset, device, inode and deletion are read', () => {
  const { list } = parseMappings(Buffer.from(TEXT))
  expect(list[0]).toEqual({
    kind: 'file',
    start: 0x401000,
    end: 0x405000,
    offset: 0x1000,
    path: '/srv/app',
    deleted: false,
    device: 0xfe00n,
    inode: 123n,
  })
  // Major 0x103, minor 2, as stat encodes them.
  expect(list[1]).toMatchObject({ deleted: true, device: 0x10302n, inode: 4294967296n })
})

test('an address is in the mapping that covers it or in none', () => {
  const mappings = parseMappings(Buffer.from(TEXT))
  expect(mappings.find(0x401000n)?.path).toBe('/srv/app')
  expect(mappings.find(0x404fff)?.path).toBe('/srv/app')
  expect(mappings.find(0x405000)).toBeNull()
  expect(mappings.find(0n)).toBeNull()
  expect(mappings.find(0xffffffffff600000n)).toBeNull()
})

test('lines that are cut or strange are left out', () => {
  const strange = `junk\n401000-400000 r-xp 0 0:0 0 x\n401000-402000 r-xp\n${TEXT.slice(0, 120)}`
  expect(parseMappings(Buffer.from(strange)).list).toHaveLength(1)
  expect(parseMappings(Buffer.alloc(0)).list).toEqual([])
})

test('the mappings of this very process hold its own code, in order', () => {
  const mappings = readMappings(process.pid)
  if (mappings === null) throw new Error('own mappings were not read')
  expect(mappings.list.some(({ path }) => path === process.execPath)).toBe(true)
  expect(mappings.list.filter(({ kind }) => kind === 'vdso')).toHaveLength(1)
  const starts = mappings.list.map(({ start }) => start)
  expect(starts).toEqual(starts.toSorted((a, b) => a - b))
  expect(mappings.truncated).toBe(false)
})

test('a process that is not there has none', () => {
  expect(readMappings(2 ** 22 + 1)).toBeNull()
})
