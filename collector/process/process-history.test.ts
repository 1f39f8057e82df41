import { beforeEach, expect, test } from 'vitest'
import { recallProcess } from './process-history.ts'
import { SideBandLog } from './side-band-log.ts'
import { SIDE_BAND } from './side-band-record.ts'

const PROT_EXEC = 5

let log: SideBandLog
let now: bigint

beforeEach(() => {
  log = new SideBandLog(1 << 14)
  now = 1_000n
})

/** A record of perf's: `body` fills it from byte 8 on, the time follows. */
function tell(type: number, misc: number, bodyBytes: number, fill: (record: Buffer) => void): void {
  const record = Buffer.alloc(8 + bodyBytes + SIDE_BAND.trailer)
  record.writeUInt32LE(type, 0)
  record.writeUInt16LE(misc, SIDE_BAND.misc)
  record.writeUInt16LE(record.length, SIDE_BAND.size)
  fill(record)
  record.writeBigUInt64LE(now++, record.length - 8)
  log.add(record, new DataView(record.buffer, record.byteOffset, record.length))
}

function fork(parent: number, pid: number): void {
  tell(SIDE_BAND.types.fork, 0, 24, (record) => {
    record.writeUInt32LE(pid, 8)
    record.writeUInt32LE(parent, 12)
  })
}

function exec(pid: number, comm: string): void {
  tell(SIDE_BAND.types.comm, SIDE_BAND.commExec, 24, (record) => {
    record.writeUInt32LE(pid, 8)
    record.write(comm, 16)
  })
}

function map(pid: number, path: string, start: number, length: number, offset = 0): void {
  tell(SIDE_BAND.types.mmap2, SIDE_BAND.mmapBuildId, 64 + 64, (record) => {
    record.writeUInt32LE(pid, 8)
    record.writeBigUInt64LE(BigInt(start), 16)
    record.writeBigUInt64LE(BigInt(length), 24)
    record.writeBigUInt64LE(BigInt(offset), 32)
    record.writeUInt8(2, 40)
    record.writeUInt16BE(0xabcd, 44)
    record.writeUInt32LE(PROT_EXEC, 64)
    record.write(path, 72)
  })
}

function recall(pid: number, startTimeNs = 0n) {
  const past = recallProcess(log, pid, startTimeNs)
  return past?.programs.map(({ comm, executable, mappings }) => ({
    comm,
    executable: executable?.path,
    mapped: mappings.list.map((m) => `${m.start}-${m.end}+${m.offset} ${m.path}`),
  }))
}

test('a program has what was mapped after its exec; the first file is its executable', () => {
  fork(1, 7)
  exec(7, 'cat')
  map(7, '/bin/cat', 4096, 4096)
  map(7, '[vdso]', 90_000, 8192)
  map(8, '/bin/other', 1, 2)
  expect(recall(7)).toEqual([
    {
      comm: 'cat',
      executable: '/bin/cat',
      mapped: ['4096-8192+0 /bin/cat', '90000-98192+0 [vdso]'],
    },
  ])
  expect(recallProcess(log, 7, 0n)?.programs[0]?.mappings.list[0]).toMatchObject({
    ...{ kind: 'file', buildId: 'abcd', seenBy: 1 },
  })
})

test('what is mapped over another mapping takes its place', () => {
  fork(1, 7)
  exec(7, 'cat')
  map(7, '/lib/old', 1000, 3000)
  map(7, '/lib/new', 2000, 1000)
  expect(recall(7)?.[0]?.mapped).toEqual([
    '1000-2000+0 /lib/old',
    '2000-3000+0 /lib/new',
    '3000-4000+2000 /lib/old',
  ])
})

test('lives of one pid are told apart by when they began', () => {
  fork(1, 7)
  exec(7, 'first')
  fork(1, 7)
  exec(7, 'second')
  expect(recall(7, 1_000n)?.map(({ comm }) => comm)).toEqual(['first'])
  // The start was noted before the kernel told of the fork.
  expect(recall(7, 1_001n)?.map(({ comm }) => comm)).toEqual(['second'])
  expect(recall(7)?.map(({ comm }) => comm)).toEqual(['second'])
  expect(recall(7, 1_004n)).toBeUndefined()
})

test('a process that still runs the program of its parent has none of its own', () => {
  fork(1, 7)
  expect(recallProcess(log, 7, 0n)).toMatchObject({ parent: 1, programs: [] })
})

test('threads and names that are no exec are not kept', () => {
  fork(7, 7)
  tell(SIDE_BAND.types.comm, 0, 24, (record) => record.writeUInt32LE(7, 8))
  expect(log.recordsOf(7)).toEqual([])
})

test('the oldest records make room, and what is cut off is not taken for a life', () => {
  fork(1, 7)
  exec(7, 'cat')
  for (let pid = 100; pid < 450; pid++) exec(pid, 'x')
  map(7, '/lib/late', 4096, 4096)
  expect(recall(7)).toBeUndefined()
  expect(recall(449)?.map(({ comm }) => comm)).toEqual(['x'])
  log.tidy()
  expect(recall(449)?.map(({ comm }) => comm)).toEqual(['x'])
})
