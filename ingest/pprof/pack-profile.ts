import type { ScannedProfile } from './profile.ts'

/**
 * The same profile with all its columns in one buffer of its own: handing twelve buffers to another
 * thread took longer than reading the profile.
 */
export function packProfile(profile: Omit<ScannedProfile, 'buffer'>): ScannedProfile {
  const { functions, stacks, rows } = profile
  const words = [
    ...[functions.ids, functions.ends, stacks.ids, stacks.ends, stacks.frames],
    ...[rows.series, rows.types, rows.ends, rows.stackIds, rows.stacks, rows.values],
  ]
  const size = words.reduce((sum, { byteLength }) => sum + byteLength, functions.text.length)
  const buffer = new ArrayBuffer(size)
  let at = 0

  function pack(source: Uint32Array): Uint32Array {
    const copy = new Uint32Array(buffer, at, source.length)
    copy.set(source)
    at += source.byteLength
    return copy
  }

  // Bytes come last: words must start at a multiple of four.
  function packBytes(source: Uint8Array): Uint8Array {
    const copy = new Uint8Array(buffer, at, source.length)
    copy.set(source)
    return copy
  }

  return {
    ...profile,
    buffer,
    stacks: {
      count: stacks.count,
      ids: pack(stacks.ids),
      ends: pack(stacks.ends),
      frames: pack(stacks.frames),
    },
    rows: {
      count: rows.count,
      series: pack(rows.series),
      types: pack(rows.types),
      ends: pack(rows.ends),
      stackIds: pack(rows.stackIds),
      stacks: pack(rows.stacks),
      values: pack(rows.values),
    },
    functions: {
      count: functions.count,
      ids: pack(functions.ids),
      ends: pack(functions.ends),
      text: packBytes(functions.text),
    },
  }
}
