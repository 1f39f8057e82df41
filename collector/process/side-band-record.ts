import { type Mapping, makeMapping } from './mappings.ts'
import type { SideBandRecord } from './side-band-log.ts'

/** perf's side-band records, in bytes from their start (PERF_RECORD_… in linux/perf_event.h). */
export const SIDE_BAND = {
  type: 0,
  misc: 4,
  size: 6,
  /** Of the process, in all of these. */
  pid: 8,
  types: { comm: 3, fork: 7, mmap2: 10 },
  commExec: 1 << 13,
  mmapBuildId: 1 << 14,
  comm: { name: 16 },
  fork: { parent: 12 },
  mmap: {
    ...{ start: 16, length: 24, offset: 32, major: 40, minor: 44, inode: 48 },
    ...{ buildIdBytes: 40, buildId: 44, protection: 64, path: 72 },
  },
  /** The time at the end of each. */
  trailer: 8,
} as const

const PROT_EXEC = 4

/** The mapping a record tells of; null when no code can be there. */
export function readMapping(record: SideBandRecord): Mapping | null {
  const { mmap } = SIDE_BAND
  if (record.byteLength < mmap.path + SIDE_BAND.trailer) return null
  if ((record.getUint32(mmap.protection, true) & PROT_EXEC) === 0) return null
  const start = Number(record.getBigUint64(mmap.start, true))
  const hasBuildId = (record.getUint16(SIDE_BAND.misc, true) & SIDE_BAND.mmapBuildId) !== 0
  return makeMapping({
    start,
    end: start + Number(record.getBigUint64(mmap.length, true)),
    offset: Number(record.getBigUint64(mmap.offset, true)),
    name: pathOf(readText(record, mmap.path)),
    ...(hasBuildId
      ? { buildId: readBuildId(record) }
      : {
          major: record.getUint32(mmap.major, true),
          minor: record.getUint32(mmap.minor, true),
          inode: record.getBigUint64(mmap.inode, true),
        }),
  })
}

export function readComm(record: SideBandRecord): string {
  return readText(record, SIDE_BAND.comm.name)
}

// What has no file is called so here and '' in /proc/PID/maps.
function pathOf(name: string): string {
  return name === '//anon' ? '' : name
}

function readBuildId(record: SideBandRecord): string {
  const { buildId, buildIdBytes } = SIDE_BAND.mmap
  const length = Math.min(record.getUint8(buildIdBytes), 20)
  return bytesOf(record, buildId, buildId + length).toString('hex')
}

function readText(record: SideBandRecord, from: number): string {
  const bytes = bytesOf(record, from, record.byteLength - SIDE_BAND.trailer)
  const nul = bytes.indexOf(0)
  return bytes.toString('utf8', 0, nul < 0 ? bytes.length : nul)
}

function bytesOf(record: SideBandRecord, from: number, to: number): Buffer {
  return Buffer.from(record.buffer, record.byteOffset + from, Math.max(0, to - from))
}
