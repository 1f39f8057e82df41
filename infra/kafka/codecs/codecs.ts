import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib'
import { decompressLz4 } from './lz4.ts'
import { decompressSnappy } from './snappy.ts'

// We send batches as they are, they are compressed already. Others may send to the same topic, and a
// broker compresses what it is told to (compression.type).

export type Codec = {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

/** `limitBytes`: what one record batch may inflate to. The library's own have no limit. */
export function createCodecs(limitBytes: number) {
  const limited = { maxOutputLength: limitBytes }
  return {
    gzip: codec(
      (bytes) => promisify(gunzip)(bytes, limited),
      (bytes) => promisify(gzip)(bytes),
    ),
    snappy: codec(async (bytes) => decompressSnappy(bytes, limitBytes)),
    lz4: codec(async (bytes) => decompressLz4(bytes, limitBytes)),
    zstd: codec(
      (bytes) => promisify(zstdDecompress)(bytes, limited),
      (bytes) => promisify(zstdCompress)(bytes),
    ),
  } as const satisfies Record<string, Codec>
}

type Run = (bytes: Buffer) => Promise<Buffer>

function codec(decompress: Run, compress: Run = refuse): Codec {
  return { decompress, compress: ({ buffer }) => compress(buffer) }
}

function refuse(): never {
  throw new Error('Messages are not sent with this compression.')
}
