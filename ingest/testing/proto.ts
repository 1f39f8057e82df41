// Protobuf bytes written by hand, right or wrong as a test wants them.

/** A varint of any 64-bit value; negative ones as protobuf has them, ten bytes long. */
export function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return bytes
}

export function numberField(field: number, value: number | bigint): number[] {
  return [...varint(field * 8), ...varint(value)]
}

export function bytesField(field: number, bytes: readonly number[] | Uint8Array): number[] {
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]
}

export function textField(field: number, text: string): number[] {
  return bytesField(field, Buffer.from(text))
}

export function packedField(field: number, values: readonly (number | bigint)[]): number[] {
  return bytesField(
    field,
    values.flatMap((value) => varint(value)),
  )
}

/** The parts of a small right profile, to be replaced one by one: `main` calls `work`, value 10. */
export const PARTS = {
  sampleType: bytesField(1, [...numberField(1, 1), ...numberField(2, 2)]),
  sample: bytesField(2, [...packedField(1, [2, 1]), ...packedField(2, [10])]),
  mapping: bytesField(3, [...numberField(1, 1), ...numberField(5, 5)]),
  locations: [
    ...bytesField(4, [
      ...numberField(1, 1),
      ...numberField(2, 1),
      ...bytesField(4, numberField(1, 1)),
    ]),
    ...bytesField(4, [
      ...numberField(1, 2),
      ...numberField(2, 1),
      ...bytesField(4, numberField(1, 2)),
    ]),
  ],
  functions: [
    ...bytesField(5, [...numberField(1, 1), ...numberField(2, 3)]),
    ...bytesField(5, [...numberField(1, 2), ...numberField(2, 4)]),
  ],
  strings: ['', 'cpu', 'nanoseconds', 'main', 'work', '/bin/app'].flatMap((text) =>
    textField(6, text),
  ),
}

/** The bytes of a profile of PARTS, some of them replaced, and `more` at the end. */
export function profileOf(
  over: Partial<typeof PARTS> = {},
  more: readonly number[] = [],
): Uint8Array {
  return Uint8Array.from([...Object.values({ ...PARTS, ...over }).flat(), ...more])
}
