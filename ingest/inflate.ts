import { gunzipSync } from 'node:zlib'
import { PprofError } from './pprof/fault.ts'

// deflate's best ratio: what a body can grow to at most (https://zlib.net/zlib_tech.html).
const MAX_RATIO = 1032
// A gzip around a gzip: a Content-Encoding around a profile that is compressed already.
const MAX_LAYERS = 2

/** The plain pprof of a body that is gzip or plain, by its first bytes. Throws a PprofError. */
export function inflateProfile(body: Uint8Array, maxBytes: number): Uint8Array {
  let bytes = body
  for (let layer = 0; isGzip(bytes); layer++) {
    if (layer === MAX_LAYERS)
      throw new PprofError('malformed', `the body is compressed more than ${MAX_LAYERS} times`)
    bytes = gunzip(bytes, maxBytes)
  }
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  return bytes
}

// No pprof begins so: the byte 1f would be field 3 with wire type 7, which there is none of.
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

function gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array {
  let inflated: { buffer: Buffer; engine: { bytesWritten: number } }
  try {
    // With `info` zlib tells how much of the input it took.
    inflated = gunzipSync(bytes, {
      maxOutputLength: maxBytes,
      chunkSize: guessSize(bytes, maxBytes),
      info: true,
    }) as unknown as typeof inflated
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    if (code === 'Z_BUF_ERROR')
      throw new PprofError('malformed', 'the gzip body ends in the middle')
    if (code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT')
      throw new PprofError('malformed', `the gzip body is damaged: ${(error as Error).message}`)
    throw error
  }
  const rest = bytes.length - inflated.engine.bytesWritten
  if (rest > 0)
    throw new PprofError('malformed', `the gzip body ends ${rest} bytes before the body does`)
  return inflated.buffer
}

// The last four bytes of a gzip are its size: one chunk instead of many. They may lie, so they are
// held to what is possible and allowed.
function guessSize(bytes: Uint8Array, maxBytes: number): number {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const said = bytes.length < 18 ? 0 : size.getUint32(bytes.length - 4, true)
  return Math.max(1024, Math.min(said + 64, bytes.length * MAX_RATIO, maxBytes))
}

function tooLarge(maxBytes: number): PprofError {
  return new PprofError('too_large', `the profile inflates to more than ${maxBytes} bytes`)
}
