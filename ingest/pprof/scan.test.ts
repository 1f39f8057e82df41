import { describe, expect, test } from 'vitest'
import { profileFromFolded } from '../../tests/fixtures/profile-from-text.ts'
import { PROFILE_LIMITS, type ProfileLimits } from '../limits.ts'
import { type Flat, flattenScanned } from '../testing/flatten.ts'
import {
  bytesField,
  numberField,
  PARTS,
  packedField,
  profileOf,
  textField,
  varint,
} from '../testing/proto.ts'
import type { ScannedProfile } from './profile.ts'
import { scanProfile } from './scan.ts'

function scan(bytes: Uint8Array, limits: Partial<ProfileLimits> = {}): ScannedProfile {
  const result = scanProfile(bytes, { ...PROFILE_LIMITS, ...limits })
  if (result.kind === 'fault') throw new Error(result.reason)
  return result
}

function flat(bytes: Uint8Array, limits: Partial<ProfileLimits> = {}): Record<string, bigint> {
  const table: Flat = flattenScanned(scan(bytes, limits))
  return Object.fromEntries(table)
}

const BOTH = 'cpu/nanoseconds {} app!main@;app!work@'

describe('a profile is read', () => {
  test('with its stack root first and the base name of its mapping as module', () => {
    expect(flat(profileOf())).toEqual({ [BOTH]: 10n })
  })

  test('whatever order its fields come in', () => {
    const { sampleType, sample, mapping, locations, functions, strings } = PARTS
    const parts = [strings, functions, locations, mapping, sample, sampleType]
    expect(flat(Uint8Array.from(parts.flat()))).toEqual({ [BOTH]: 10n })
  })

  test('with numbers that are not packed', () => {
    const sample = bytesField(2, [
      ...numberField(1, 2),
      ...numberField(2, 10),
      ...numberField(1, 1),
    ])
    expect(flat(profileOf({ sample }))).toEqual({ [BOTH]: 10n })
  })

  test('with numbers packed into several fields, some of them empty', () => {
    const sample = bytesField(2, [
      ...packedField(1, []),
      ...packedField(1, [2]),
      ...packedField(1, [1]),
      ...packedField(2, [10]),
    ])
    expect(flat(profileOf({ sample }))).toEqual({ [BOTH]: 10n })
  })

  test('with varints longer than they need to be', () => {
    const sample = bytesField(2, [
      ...bytesField(1, [0x82, 0x80, 0x00, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
      ...packedField(2, [10]),
    ])
    expect(flat(profileOf({ sample }))).toEqual({ [BOTH]: 10n })
  })

  test('with fields nobody knows', () => {
    const unknown = [
      ...numberField(99, 2n ** 64n - 1n),
      ...textField(100, 'later'),
      ...varint(101 * 8 + 1),
      ...[1, 2, 3, 4, 5, 6, 7, 8],
      ...varint(102 * 8 + 5),
      ...[1, 2, 3, 4],
    ]
    const sample = bytesField(2, [...packedField(1, [2, 1]), ...unknown, ...packedField(2, [10])])
    expect(flat(profileOf({ sample }, unknown))).toEqual({ [BOTH]: 10n })
  })

  test('with ids that are hashes and addresses', () => {
    const locations = [
      [2n ** 63n + 5n, 0x7fff_0000_1234n],
      [0x7f00_dead_beefn, 2n ** 64n - 1n],
    ].flatMap(([id = 0n, fn = 0n]) =>
      bytesField(4, [
        ...numberField(1, id),
        ...numberField(2, 0xffff_ffffn),
        ...bytesField(4, numberField(1, fn)),
      ]),
    )
    const functions = [
      ...bytesField(5, [...numberField(1, 0x7fff_0000_1234n), ...numberField(2, 3)]),
      ...bytesField(5, [...numberField(1, 2n ** 64n - 1n), ...numberField(2, 4)]),
    ]
    const mapping = bytesField(3, [...numberField(1, 0xffff_ffffn), ...numberField(5, 5)])
    const sample = bytesField(2, [
      ...packedField(1, [0x7f00_dead_beefn, 2n ** 63n + 5n]),
      ...packedField(2, [10]),
    ])
    expect(flat(profileOf({ locations, functions, mapping, sample }))).toEqual({ [BOTH]: 10n })
  })

  test('when it says its time, duration and period, to the last bit', () => {
    const profile = scan(
      profileOf({}, [
        ...numberField(9, 1_764_040_000_123_456_789n),
        ...numberField(10, 2n ** 62n + 1n),
        ...numberField(12, -7n),
        ...bytesField(11, [...numberField(1, 1), ...numberField(2, 2)]),
      ]),
    )
    expect(profile).toMatchObject({
      timeNs: 1_764_040_000_123_456_789n,
      durationNs: 2n ** 62n + 1n,
      period: -7n,
      periodType: { type: 'cpu', unit: 'nanoseconds' },
    })
  })

  test('without samples', () => {
    expect(scan(profileOf({ sample: [] })).rows.count).toBe(0)
    expect(scan(Uint8Array.from(textField(6, ''))).rows.count).toBe(0)
  })

  test('when its unit is empty, as a count', () => {
    const sampleType = bytesField(1, numberField(1, 1))
    expect(scan(profileOf({ sampleType })).sampleTypes).toEqual([{ type: 'cpu', unit: 'count' }])
  })
})

describe('frames', () => {
  test('of inlined functions are frames of their own, the leaf-most line first', () => {
    const locations = [
      ...bytesField(4, [
        ...numberField(1, 1),
        ...bytesField(4, [...numberField(1, 2), ...numberField(2, 7)]),
        ...bytesField(4, [...numberField(1, 1), ...numberField(2, 9)]),
        ...numberField(2, 1),
      ]),
    ]
    const sample = bytesField(2, [...packedField(1, [1]), ...packedField(2, [10])])
    expect(flat(profileOf({ locations, sample }))).toEqual({ [BOTH]: 10n })
  })

  test.each([
    ['its own address', [...numberField(5, 5)], 'app!app+0x1234@'],
    [
      'the address in the file',
      [
        ...numberField(2, 0x1000),
        ...numberField(3, 0x2000),
        ...numberField(4, 0x300),
        ...numberField(5, 5),
      ],
      'app!app+0x534@',
    ],
    [
      'its own address outside of the mapping',
      [...numberField(2, 0x2000), ...numberField(3, 0x3000), ...numberField(5, 5)],
      'app!app+0x1234@',
    ],
    ['a bare address without a module', [], '!0x1234@'],
  ])('without a function are named by %s', (_, fields, name) => {
    const mapping = bytesField(3, [...numberField(1, 1), ...fields])
    const locations = bytesField(4, [
      ...numberField(1, 1),
      ...numberField(2, 1),
      ...numberField(3, 0x1234),
    ])
    const sample = bytesField(2, [...packedField(1, [1]), ...packedField(2, [10])])
    const key = `cpu/nanoseconds {} ${name}`
    expect(flat(profileOf({ mapping, locations, sample }))).toEqual({ [key]: 10n })
  })

  test('of functions without a name have the system name, or else an address', () => {
    const functions = [
      ...bytesField(5, [...numberField(1, 1), ...numberField(3, 3)]),
      ...bytesField(5, numberField(1, 2)),
    ]
    expect(flat(profileOf({ functions }))).toEqual({
      'cpu/nanoseconds {} app!main@;app!app+0x0@': 10n,
    })
  })

  test('of one function in two modules are two functions', () => {
    const two = profileFromFolded('a!f;b!f 1')
    expect(scan(two).functions.count).toBe(2)
  })

  test('of bracketed mappings keep the whole name', () => {
    expect(flat(profileFromFolded('[kernel.kallsyms]!vfs_read 1'))).toEqual({
      'cpu/nanoseconds {} [kernel.kallsyms]!vfs_read@': 1n,
    })
  })

  test('beyond the depth are cut at the root, under a frame that says so', () => {
    const profile = profileFromFolded('a;b;c;d;e 1\nx;b;c;d;e 2\nc;d;e 4')
    expect(flat(profile, { depth: 3 })).toEqual({
      'cpu/nanoseconds {} [flamewatch]![truncated]@;!c@;!d@;!e@': 3n,
      'cpu/nanoseconds {} !c@;!d@;!e@': 4n,
    })
    expect(scan(profile, { depth: 3 }).cut.stacks).toBe(2)
  })

  test('beyond the depth are cut in the middle of inlined functions as well', () => {
    const location = bytesField(4, [
      ...numberField(1, 1),
      ...Array.from({ length: 9 }, () => bytesField(4, numberField(1, 1))).flat(),
    ])
    const sample = bytesField(2, [...packedField(1, [1, 1]), ...packedField(2, [10])])
    const [key] = Object.keys(flat(profileOf({ locations: location, sample }), { depth: 10 }))
    expect(key?.split(';')).toHaveLength(11)
  })

  test('of no location at all are a placeholder, so that the value stays', () => {
    const sample = bytesField(2, packedField(2, [10]))
    expect(flat(profileOf({ sample }))).toEqual({
      'cpu/nanoseconds {} [flamewatch]![no stack]@': 10n,
    })
  })

  test('with names longer than the limit are cut at a character', () => {
    const profile = profileFromFolded(`${'ä'.repeat(20)} 1`)
    expect(flat(profile, { nameBytes: 12 })).toEqual({ 'cpu/nanoseconds {} !ääää…@': 1n })
    expect(scan(profile, { nameBytes: 12 }).cut.names).toBe(1)
  })
})

describe('values', () => {
  const sampleOf = (values: readonly bigint[]) =>
    values.flatMap((value) =>
      bytesField(2, [...packedField(1, [2, 1]), ...packedField(2, [value])]),
    )

  test.each<[string, bigint[]]>([
    ['a negative one', [-5n]],
    ['one beyond 2^53', [2n ** 53n + 1n]],
    ['one far below -2^53', [-(2n ** 62n) - 1n]],
    ['with a carry', [2n ** 32n - 1n, 1n]],
    ['with a borrow', [-1n, 1n, 7n]],
    ['around 2^40', [-(2n ** 40n), 2n ** 40n - 3n]],
    ['around 2^62', [2n ** 62n, -(2n ** 62n), 2n ** 53n + 3n]],
  ])('are summed exactly: %s', (_, values) => {
    const sum = values.reduce((a, b) => a + b, 0n)
    expect(flat(profileOf({ sample: sampleOf(values) }))).toEqual({ [BOTH]: sum })
  })

  test('whose total the store could not hold are refused', () => {
    const bytes = profileFromFolded(`a ${2n ** 62n}\nb ${2n ** 62n}`)
    expect(() => scan(bytes)).toThrow('sample_type 0 add up beyond 64 bits')
  })

  test('that add up beyond 64 bits are refused', () => {
    const sample = sampleOf([2n ** 63n - 1n, 1n])
    expect(() => scan(profileOf({ sample }))).toThrow(/sample 1.*add up beyond 64 bits/)
  })

  test('of 0 are left out, and so are rows of nothing else', () => {
    const profile = profileFromFolded('a 0,1\nb 0,0\nc 0,3', {
      sampleTypes: [
        { type: 'objects', unit: 'count' },
        { type: 'space', unit: 'bytes' },
      ],
    })
    expect(flat(profile)).toEqual({ 'space/bytes {} !a@': 1n, 'space/bytes {} !c@': 3n })
    expect(scan(profile).rows.count).toBe(1)
  })

  test('of one stack in several samples are one pair', () => {
    const profile = scan(profileFromFolded('a;b 1\na;c 2\na;b 4'))
    expect([...profile.rows.ends]).toEqual([2])
  })
})

describe('labels', () => {
  test('are the series of a sample', () => {
    const text = 'a {comm=x} 1\na {comm=y} 2\nb {comm=x} 4'
    expect(flat(profileFromFolded(text, { labels: { service: 's' } }))).toEqual({
      'cpu/nanoseconds {comm=x,service=s} !a@': 1n,
      'cpu/nanoseconds {comm=y,service=s} !a@': 2n,
      'cpu/nanoseconds {comm=x,service=s} !b@': 4n,
    })
  })

  test('that are numbers are left out', () => {
    const sample = bytesField(2, [
      ...packedField(1, [2, 1]),
      ...packedField(2, [10]),
      ...bytesField(3, [...numberField(1, 3), ...numberField(3, 4096), ...numberField(4, 4)]),
    ])
    expect(flat(profileOf({ sample }))).toEqual({ [BOTH]: 10n })
  })
})

describe('a profile is refused', () => {
  const fault = (bytes: Uint8Array, limits: Partial<ProfileLimits> = {}) => {
    const result = scanProfile(bytes, { ...PROFILE_LIMITS, ...limits })
    return result.kind === 'fault' ? `${result.code}: ${result.reason}` : result.kind
  }
  const sampleOf = (...fields: readonly number[][]) => ({ sample: bytesField(2, fields.flat()) })

  test.each<[string, Uint8Array, RegExp]>([
    ['empty', new Uint8Array(0), /^malformed: the profile is empty$/],
    ['text', Buffer.from('hello world, no profile'), /^malformed: profile, byte \d+: /],
    ['without strings', Uint8Array.from(numberField(12, 1)), /string_table.*it is missing/],
    ['whose string 0 is not empty', Uint8Array.from(textField(6, 'a')), /string 0 must be ""/],
    [
      'with a string that is not UTF-8',
      profileOf({}, bytesField(6, [0x61, 0x62, 0x63, 0x64, 0xff])),
      /string_table 6, .*not UTF-8/,
    ],
    [
      'with a character split over two strings',
      profileOf({}, [...bytesField(6, [0xc3]), ...bytesField(6, [0xa4])]),
      /string_table 6, .*not UTF-8/,
    ],
    ['with a NUL in a string', profileOf({}, textField(6, 'abc\0defg')), /6, .*NUL byte/],
    [
      'whose location is missing',
      profileOf(sampleOf(packedField(1, [2, 7]), packedField(2, [10]))),
      /^malformed: sample 0, byte \d+: location 7 is not in the profile$/,
    ],
    [
      'that refers to location 0',
      profileOf(sampleOf(packedField(1, [0]), packedField(2, [10]))),
      /location 0 is not in the profile/,
    ],
    [
      'whose function is missing',
      profileOf({ functions: bytesField(5, [...numberField(1, 1), ...numberField(2, 3)]) }),
      /location 1, .*function 2 is not in the profile/,
    ],
    [
      'whose line has no function',
      profileOf({
        locations: bytesField(4, [...numberField(1, 1), ...bytesField(4, numberField(2, 3))]),
      }),
      /location 0, .*a line has no function/,
    ],
    [
      'whose mapping is missing',
      profileOf({ mapping: [] }),
      /location 0, .*mapping 1 is not in the profile/,
    ],
    ['with location id 0', profileOf({}, bytesField(4, [])), /location 2, .*its id is 0/],
    ['with function id 0', profileOf({}, bytesField(5, [])), /function 2, .*its id is 0/],
    ['with mapping id 0', profileOf({}, bytesField(3, [])), /mapping 1, .*its id is 0/],
    [
      'with a location id twice',
      profileOf({}, bytesField(4, numberField(1, 2))),
      /location 2, .*its id is that of an earlier one/,
    ],
    [
      'with a function id twice',
      profileOf({}, bytesField(5, numberField(1, 2))),
      /function 2, .*its id is that of an earlier one/,
    ],
    [
      'with a large location id twice',
      profileOf({}, [
        ...bytesField(4, numberField(1, 2n ** 60n)),
        ...bytesField(4, numberField(1, 2n ** 60n)),
      ]),
      /location 3, .*its id is that of an earlier one/,
    ],
    [
      'with too few values',
      profileOf(sampleOf(packedField(1, [2, 1]))),
      /sample 0, .*it has 0 values, the profile 1 sample types/,
    ],
    [
      'with too many values',
      profileOf(sampleOf(packedField(1, [2, 1]), packedField(2, [1, 2, 3]))),
      /sample 0, .*it has 3 values, the profile 1 sample types/,
    ],
    [
      'with samples and no sample type',
      profileOf({ sampleType: [] }),
      /it has samples and no sample_type/,
    ],
    [
      'with a dash in a sample type',
      profileOf({
        sampleType: bytesField(1, [...numberField(1, 6), ...numberField(2, 2)]),
        strings: [...PARTS.strings, ...textField(6, 'cpu-time')],
      }),
      /sample_type 0, .*"cpu-time" has characters outside/,
    ],
    [
      'with an empty sample type',
      profileOf({ sampleType: bytesField(1, []) }),
      /sample_type 0, .*its type is empty/,
    ],
    [
      'whose name is no string of it',
      profileOf({}, bytesField(5, [...numberField(1, 3), ...numberField(2, 6)])),
      /function 2, .*name is string 6, the string table has 6/,
    ],
    [
      'whose string index is negative',
      profileOf({}, bytesField(5, [...numberField(1, 3), ...numberField(4, -1)])),
      /filename is string 18446744073709551615/,
    ],
    [
      'whose label is no string of it',
      profileOf(sampleOf(packedField(2, [1]), bytesField(3, numberField(2, 99)))),
      /sample 0, .*label str is string 99/,
    ],
    [
      'whose comment is no string of it',
      profileOf({}, packedField(13, [2, 77])),
      /comment is string 77, the string table has 6/,
    ],
    [
      'whose default sample type is no string of it',
      profileOf({}, numberField(14, 2n ** 40n)),
      /field 14 is string 1099511627776/,
    ],
    [
      'that is two, one after the other',
      profileOf({}, [...numberField(9, 1), ...profileOf({}, numberField(9, 2))]),
      /two profiles, one after the other/,
    ],
    [
      'with a number of 11 bytes',
      Uint8Array.from([0x48, ...Array<number>(10).fill(0x80), 0x01]),
      /a number of more than 10 bytes/,
    ],
    ['with field number 0', Uint8Array.from([0x00, 0x01]), /a field number out of range/],
    [
      'with a field number beyond the range',
      Uint8Array.from([...varint(2n ** 32n), 0]),
      /a field number out of range/,
    ],
    [
      'with a group',
      Uint8Array.from([...varint(99 * 8 + 3), 6]),
      /field 99 has the unknown wire type 3/,
    ],
    [
      'whose inner length is beyond its message',
      profileOf({ sample: [0x12, 4, 0x0a, 60, 1, 1] }),
      /sample 0, .*location_id says 60 bytes, 2 are left/,
    ],
    [
      'whose number runs out of its field',
      profileOf({ sample: [0x12, 5, 0x0a, 1, 0x82, 0x12, 0] }),
      /sample 0, .*it ends inside a number/,
    ],
    [
      'whose length is astronomic',
      Uint8Array.from([...varint(6 * 8 + 2), ...varint(2n ** 63n)]),
      /string_table says 9223372036854775808 bytes/,
    ],
    [
      'with a string where a number belongs',
      profileOf({}, textField(12, 'period')),
      /period has the wrong wire type 2/,
    ],
    [
      'with a number where a message belongs',
      profileOf({}, numberField(4, 1)),
      /location has the wrong wire type 0/,
    ],
    [
      'that ends inside a fixed number',
      profileOf({}, [...varint(101 * 8 + 1), 1, 2]),
      /it ends inside a number/,
    ],
  ])('%s', (_, bytes, expected) => {
    expect(fault(bytes)).toMatch(expected)
  })

  test('at every length it is truncated to, unless what is missing stands for itself', () => {
    const whole = profileFromFolded('app!main@main.c;libc.so.6!read {comm=a} 10')
    const kinds = Array.from({ length: whole.length }, (_, length) =>
      fault(whole.subarray(0, length)).slice(0, 9),
    )
    // Cuts between two fields at the end (time, duration, period) leave a right profile.
    expect(kinds.filter((kind) => kind === 'profile').length).toBeLessThan(8)
    expect(kinds.every((kind) => kind === 'profile' || kind === 'malformed')).toBe(true)
  })

  test.each<[string, Partial<ProfileLimits>, RegExp]>([
    ['samples', { samples: 2 }, /more than 2 of sample$/],
    ['sample types', { sampleTypes: 0 }, /more than 0 of sample_type$/],
    ['locations', { locations: 2 }, /more than 2 of location$/],
    ['lines', { lines: 2 }, /more than 2 lines in its locations$/],
    ['functions', { functions: 2 }, /more than 2 of function$/],
    ['mappings', { mappings: 0 }, /more than 0 of mapping$/],
    ['strings', { strings: 5 }, /more than 5 of string_table$/],
    ['labels of a sample', { labelsPerSample: 1 }, /sample 0, .*more than 1 labels$/],
    ['label sets', { series: 1 }, /more than 1 distinct label sets/],
    ['frames', { frames: 3 }, /more than 3 frames in its stacks together$/],
    ['bytes of names', { functionBytes: 10 }, /more than 10 bytes$/],
    ['series and sample types', { rows: 1 }, /more than 1 series and sample types$/],
    ['values', { pairs: 2 }, /more than 2 values$/],
  ])('with more %s than allowed', (_, limits, expected) => {
    const text = 'app!a;app!b {x=1,y=1} 1\napp!a;app!c {x=2,y=1} 1\napp!b {x=3,y=1} 1'
    expect(fault(profileFromFolded(text), limits)).toMatch(/^too_large: /)
    expect(fault(profileFromFolded(text), limits)).toMatch(expected)
  })
})
