import { Function as PprofFunction, Profile, Sample, StringTable } from 'pprof-format'
import { expect, test } from 'vitest'
import { ProtoWriter } from './proto-writer.ts'

// pprof-format is the oracle.

test('numbers are as others write them, up to 64 bits', () => {
  for (const value of [
    1,
    127,
    128,
    16_383,
    0xfff_ffff,
    0x1000_0000,
    2 ** 32,
    2 ** 53,
    2n ** 64n - 1n,
  ]) {
    const writer = new ProtoWriter()
    writer.number(1, value)
    expect(Buffer.from(writer.bytes)).toEqual(
      Buffer.from(new PprofFunction({ id: value }).encode()),
    )
  }
})

test('zero and nothing are left out, but not from a list', () => {
  const writer = new ProtoWriter()
  writer.number(1, 0)
  writer.number(1, 0n)
  writer.message(2, new Uint8Array(0))
  writer.packed(1, [])
  expect(writer.length).toBe(0)
  writer.packed(1, [0, 5, 300])
  writer.packed(2, [0])
  const sample = new Sample({ locationId: [0, 5, 300], value: [0] })
  expect(Buffer.from(writer.bytes)).toEqual(Buffer.from(sample.encode()))
})

test('texts of any length and script are as others write them', () => {
  const texts = [
    '',
    'main',
    'ü',
    '漢字'.repeat(30),
    'é'.repeat(100),
    'x'.repeat(20_000),
    '𝄞'.repeat(40),
  ]
  const stringTable = new StringTable()
  const writer = new ProtoWriter()
  for (const text of texts) {
    stringTable.dedup(text)
    writer.text(6, text)
  }
  expect(Buffer.from(writer.bytes)).toEqual(Buffer.from(new Profile({ stringTable }).encode()))
  writer.clear()
  expect(writer.length).toBe(0)
})
