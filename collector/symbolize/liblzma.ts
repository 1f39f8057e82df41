import koffi from 'koffi'

// Node has no xz. liblzma is a part of every distribution's base system (dpkg, rpm and systemd need
// it); packages of npm would bring a copy of their own to compile, or one in WebAssembly that is three
// times slower.

const LZMA_OK = 0
const LZMA_BUF_ERROR = 10
// What compressors at their highest level ask of a decoder is 65 MB.
const DECODER_BYTES = 80n << 20n

type Decode = (
  memoryLimit: BigUint64Array,
  flags: number,
  allocator: null,
  input: Uint8Array,
  inputAt: BigUint64Array,
  inputBytes: number,
  output: Uint8Array,
  outputAt: BigUint64Array,
  outputBytes: number,
) => number

let decode: Decode | null | undefined

/** Null where the library is not installed. */
function loadDecode(): Decode | null {
  try {
    return koffi
      .load('liblzma.so.5')
      .func('lzma_stream_buffer_decode', 'int', [
        ...[
          'void *',
          'uint32',
          'void *',
          'void *',
          'void *',
          'size_t',
          'void *',
          'void *',
          'size_t',
        ],
      ]) as Decode
  } catch {
    return null
  }
}

/**
 * The content of an .xz stream, at most `maxBytes` of it; null when it is damaged or longer, or when
 * there is no liblzma.
 */
export function decompressXz(input: Uint8Array, maxBytes: number): Buffer | null {
  decode ??= loadDecode()
  if (decode === null) return null
  // Symbol tables shrink to a third to a sixth.
  for (let size = Math.min(maxBytes, input.length * 8); ; size = maxBytes) {
    const output = Buffer.allocUnsafe(size)
    const position = new BigUint64Array(1)
    const result = decode(
      new BigUint64Array([DECODER_BYTES]),
      0,
      null,
      input,
      new BigUint64Array(1),
      input.length,
      output,
      position,
      size,
    )
    // A view of what may be a far larger buffer would keep all of it.
    if (result === LZMA_OK) return Buffer.from(output.subarray(0, Number(position[0])))
    if (result !== LZMA_BUF_ERROR || size === maxBytes) return null
  }
}
