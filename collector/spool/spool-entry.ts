import { open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

// A file of the spool:
//
//   8  magic "FWSPOOL1"
//   4  length of the head     4  CRC-32 of the head
//   4  length of the body     4  CRC-32 of the body     integers little endian
//      head: JSON             body: gzip pprof
//
// The two checksums are apart so that of a damaged body the account of its samples is still known.

export type EntryHead = {
  /** As they are sent: a batch is sent with the same bytes however often and by whichever release. */
  readonly headers: Readonly<Record<string, string>>
  /** Which loss (SpoolState) the account includes; 0 for none. */
  readonly lossId: number
}

const MAGIC = Buffer.from('FWSPOOL1')
const FIXED_BYTES = 24
const MAX_HEAD_BYTES = 1024 * 1024

export function formatEntry(head: EntryHead, body: Uint8Array): Uint8Array[] {
  const json = Buffer.from(JSON.stringify(head))
  const fixed = Buffer.alloc(FIXED_BYTES)
  MAGIC.copy(fixed)
  fixed.writeUInt32LE(json.length, 8)
  fixed.writeUInt32LE(crc32(json), 12)
  fixed.writeUInt32LE(body.length, 16)
  fixed.writeUInt32LE(crc32(body), 20)
  return [fixed, json, body]
}

export type EntryFile = {
  readonly sizeBytes: number
  /** Null when damaged. */
  readonly head: EntryHead | null
  /** Null when damaged, or not asked for. */
  readonly body: Buffer | null
}

/** Throws what reading the file throws. */
export async function readEntry(path: string, want: 'head' | 'body'): Promise<EntryFile> {
  const file = await open(path, 'r')
  try {
    const { size: sizeBytes } = await file.stat()
    const fixed = await read(0, FIXED_BYTES)
    if (fixed?.subarray(0, MAGIC.length).equals(MAGIC) !== true) return damaged(sizeBytes)
    const headBytes = fixed.readUInt32LE(8)
    if (headBytes > MAX_HEAD_BYTES) return damaged(sizeBytes)
    const json = await read(FIXED_BYTES, headBytes)
    if (!json || crc32(json) !== fixed.readUInt32LE(12)) return damaged(sizeBytes)
    const head = parseHead(json.toString())
    const bodyBytes = fixed.readUInt32LE(16)
    const whole = FIXED_BYTES + headBytes + bodyBytes === sizeBytes
    if (want === 'head' || !whole) return { sizeBytes, head, body: null }
    const body = await read(FIXED_BYTES + headBytes, bodyBytes)
    return { sizeBytes, head, body: body && crc32(body) === fixed.readUInt32LE(20) ? body : null }
  } finally {
    await file.close()
  }

  async function read(position: number, length: number): Promise<Buffer | null> {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position)
    return bytesRead === length ? buffer : null
  }
}

function damaged(sizeBytes: number): EntryFile {
  return { sizeBytes, head: null, body: null }
}

function parseHead(json: string): EntryHead | null {
  try {
    // Its checksum is right, so we wrote it.
    return JSON.parse(json) as EntryHead
  } catch {
    return null
  }
}
