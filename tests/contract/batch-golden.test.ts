import { describe, expect, test } from 'vitest'
import { PLACEHOLDER_FRAMES } from '../../collector/batch/placeholder.ts'
import { SampleMerger } from '../../collector/batch/sample-merger.ts'
import { encodeParts } from '../../collector/batch/split-batch.ts'
import type { Frame } from '../../collector/symbolize/frame.ts'
import { makeFrame } from '../../collector/symbolize/frames.ts'
import type { BatchHeaders } from '../../infra/contract/batch.ts'
import { formatBatchHeaders, parseBatchHeaders } from '../../infra/contract/batch.ts'
import type { Labels } from '../../infra/contract/labels.ts'
import { PROFILE_LIMITS } from '../../ingest/limits.ts'
import { scanProfile } from '../../ingest/pprof/scan.ts'
import { flattenScanned } from '../../ingest/testing/flatten.ts'

// The bytes of format version 1, for ever: what a collector of that version wrote, and what every
// ingest must read. Never edited; a change of the format is another version with golden bytes of its
// own beside these. Fields as in pprof's profile.proto, each with its tag (number << 3 | wire type);
// `go tool pprof -raw` (Go 1.26) reads them as the comments say.
// https://github.com/google/pprof/blob/main/proto/profile.proto

const LABELS = { service: 'checkout', version: '4.2.0', host: 'web-1', comm: 'app' }

const PROFILE_V1 = [
  '0a04 0801 1002', // sample_type cpu/nanoseconds
  '1223 0a03 010203 1204 a484d109 1a04 080b100c 1a04 080d100e 1a04 080f1010 1a04 08111012', // 1 2 3: 20202020
  '1222 0a02 0204 1204 92c2e804 1a04 080b100c 1a04 080d100e 1a04 080f1010 1a04 08111012', // 2 4: 10101010
  '1a06 0801 2803 3801', // mapping 1 [kernel.kallsyms], has_functions
  '1a08 0802 2805 3006 3801', // mapping 2 /usr/bin/app abcd1234
  '1a06 0803 2813 3801', // mapping 3 [flamewatch]
  '2213 0801 1001 18e78a8d89f8ffffffff01 2202 0801', // location 1 0xffffffff81234567 function 1
  '220d 0802 1002 18b424 2204 0802 102a', // location 2 0x1234 function 2 line 42
  '220b 0803 1002 188040 2202 0803', // location 3 0x2000 function 3
  '2208 0804 1003 2202 0804', // location 4 function 4
  '2a06 0801 1004 1804', // function 1 vfs_read
  '2a08 0802 1007 1808 2009', // function 2 std::sort<int*> _ZSt4sortIPiE sort.cc
  '2a06 0803 100a 180a', // function 3 main
  '2a04 0804 1014', // function 4 [broken stack]
  '3200', // string 0
  '3203 637075', // 1 cpu
  '320b 6e616e6f7365636f6e6473', // 2 nanoseconds
  '3211 5b6b65726e656c2e6b616c6c73796d735d', // 3 [kernel.kallsyms]
  '3208 7666735f72656164', // 4 vfs_read
  '320c 2f7573722f62696e2f617070', // 5 /usr/bin/app
  '3208 6162636431323334', // 6 abcd1234
  '320f 7374643a3a736f72743c696e742a3e', // 7 std::sort<int*>
  '320d 5f5a537434736f727449506945', // 8 _ZSt4sortIPiE
  '3207 736f72742e6363', // 9 sort.cc
  '3204 6d61696e', // 10 main
  '3207 73657276696365', // 11 service
  '3208 636865636b6f7574', // 12 checkout
  '3207 76657273696f6e', // 13 version
  '3205 342e322e30', // 14 4.2.0
  '3204 686f7374', // 15 host
  '3205 7765622d31', // 16 web-1
  '3204 636f6d6d', // 17 comm
  '3203 617070', // 18 app
  '320c 5b666c616d6577617463685d', // 19 [flamewatch]
  '320e 5b62726f6b656e20737461636b5d', // 20 [broken stack]
  '48 8080a8b1e39fe7cb17', // time_nanos 1700000000 s
  '50 80c8afa025', // duration_nanos 10 s
  '5a04 0801 1002', // period_type cpu/nanoseconds
  '60 92c2e804', // period 10101010
]

const HEADERS_V1 = {
  'flamewatch-format': '1',
  'flamewatch-collector': '3c5d9a52-1b7e-4f0d-9c3e-0a1b2c3d4e5f',
  'flamewatch-epoch': '1690000000000',
  'flamewatch-sequence': '42',
  'flamewatch-host': 'web-1%20%C3%A4',
  'flamewatch-window-start': '1700000000000',
  'flamewatch-window-end': '1700000010000',
  'flamewatch-account':
    '{"taken":13,"idle":9,"kept":3,"dropped":{"counts_full":1},"faults":{"broken":1}}',
  'flamewatch-notes': '%5B%22Stacks%20may%20be%20cut.%22%5D',
}

const READ = frame('vfs_read', '[kernel.kallsyms]', 0xffff_ffff_8123_4567n)
const SORT = {
  ...frame('std::sort<int*>', '/usr/bin/app', 0x1234n),
  ...{ systemName: '_ZSt4sortIPiE', file: 'sort.cc', line: 42, buildId: 'abcd1234' },
}
const MAIN = { ...frame('main', '/usr/bin/app', 0x2000n), buildId: 'abcd1234', threadStart: true }
const COUNTS = { taken: 13, idle: 9, dropped: { counts_full: 1 } }
const ACCOUNT = {
  ...{ taken: 13, idle: 9, kept: 3, dropped: { counts_full: 1 } },
  faults: { broken: 1 },
}
const TIME = { startMs: 1_700_000_000_000, endMs: 1_700_000_010_000, periodNs: 10_101_010 }

const HEADERS: BatchHeaders = {
  ...{ collector: '3c5d9a52-1b7e-4f0d-9c3e-0a1b2c3d4e5f', epoch: 1_690_000_000_000, sequence: 42 },
  ...{ host: 'web-1 ä', windowStart: TIME.startMs, windowEnd: TIME.endMs, account: ACCOUNT },
  notes: ['Stacks may be cut.'],
}

function frame(name: string, mapping: string, address: bigint): Frame {
  return makeFrame({ name, systemName: name, mapping, address })
}

function addStack(samples: SampleMerger, labels: Labels, stack: Frame[], count: number): void {
  samples.add(
    labels,
    stack.map((frame) => samples.indexOf(frame)),
    count,
  )
}

function goldenProfile(): Buffer {
  return Buffer.from(PROFILE_V1.join('').replaceAll(' ', ''), 'hex')
}

describe('a batch of format version 1', () => {
  test('is written as these bytes', () => {
    const samples = new SampleMerger()
    addStack(samples, LABELS, [READ, SORT, MAIN], 2)
    addStack(samples, LABELS, [SORT, PLACEHOLDER_FRAMES.broken], 1)
    const [part, ...others] = encodeParts(samples, COUNTS, TIME, Number.MAX_SAFE_INTEGER)
    expect(others).toEqual([])
    expect(Buffer.from(part?.bytes ?? []).toString('hex')).toBe(goldenProfile().toString('hex'))
    expect(part?.account).toEqual(ACCOUNT)
  })

  test('is read from these bytes by ingest', () => {
    const profile = scanProfile(goldenProfile(), PROFILE_LIMITS)
    if (profile.kind !== 'profile') throw new Error(profile.reason)
    expect(profile).toMatchObject({
      sampleTypes: [{ type: 'cpu', unit: 'nanoseconds' }],
      periodType: { type: 'cpu', unit: 'nanoseconds' },
      period: 10_101_010n,
      timeNs: 1_700_000_000_000_000_000n,
      durationNs: 10_000_000_000n,
    })
    const series = 'cpu/nanoseconds {comm=app,host=web-1,service=checkout,version=4.2.0}'
    expect([...flattenScanned(profile)]).toEqual([
      [`${series} app!main@;app!std::sort<int*>@sort.cc;[kernel.kallsyms]!vfs_read@`, 20_202_020n],
      [`${series} [flamewatch]![broken stack]@;app!std::sort<int*>@sort.cc`, 10_101_010n],
    ])
  })

  test('has these headers, both ways', () => {
    expect(formatBatchHeaders(HEADERS)).toEqual(HEADERS_V1)
    const headers = new Map(Object.entries(HEADERS_V1))
    expect(parseBatchHeaders((name) => headers.get(name))).toEqual({
      kind: 'headers',
      headers: HEADERS,
    })
  })
})
