import * as pprof from 'pprof-format'
import type { Labels } from '../../contract/labels.ts'
import type { DemoFrame } from './call-tree.ts'
import type { DemoHost, DemoVersion, DemoWindow } from './fleet.ts'
import { SAMPLING } from './fleet.ts'

const PERIOD_NS = Math.round(1e9 / SAMPLING.frequencyHz)

/** Encodes one window as the pprof of batch format 1, not compressed. */
export type WindowEncoder = (window: DemoWindow) => Uint8Array

/**
 * Tables do not change while a host runs one version: they are encoded once, and each window puts its
 * samples behind them. Protobuf merges messages that follow each other.
 */
export function createWindowEncoder(): WindowEncoder {
  const known = new Map<string, HostTables>()
  return function encodeWindow(window) {
    const key = `${window.host.host} ${window.version.version}`
    let tables = known.get(key)
    if (!tables) {
      tables = encodeTables(window.host, window.version)
      known.set(key, tables)
    }
    const { locationIds, label } = tables
    const sample: pprof.Sample[] = []
    window.counts.forEach((count, i) => {
      if (count === 0) return
      const locationId = locationIds[i] as number[]
      sample.push(new pprof.Sample({ locationId, value: [count * PERIOD_NS], label }))
    })
    const samples = new pprof.Profile({
      sample,
      timeNanos: BigInt(window.startMs) * 1_000_000n,
      durationNanos: BigInt(window.endMs - window.startMs) * 1_000_000n,
    })
    return Buffer.concat([tables.bytes, samples.encode()])
  }
}

type HostTables = {
  readonly bytes: Uint8Array
  /** Of each stack, leaf first. */
  readonly locationIds: readonly number[][]
  readonly label: pprof.Label[]
}

function encodeTables(host: DemoHost, version: DemoVersion): HostTables {
  const strings = new pprof.StringTable()
  const mapping: pprof.Mapping[] = []
  const location: pprof.Location[] = []
  const functions: pprof.Function[] = []
  const mappingIds = new Map<string, number>()
  const frameIds = new Map<string, number>()

  function mappingId(module: string): number {
    const id = mappingIds.get(module) ?? mapping.length + 1
    if (id > mapping.length) {
      mapping.push(new pprof.Mapping({ id, filename: strings.dedup(module), hasFunctions: true }))
      mappingIds.set(module, id)
    }
    return id
  }

  // A location has one function here, so the two share their id.
  function frameId(frame: DemoFrame): number {
    const key = `${frame.name}\0${frame.file}\0${frame.module}`
    const id = frameIds.get(key) ?? location.length + 1
    if (id > location.length) {
      const name = strings.dedup(frame.name)
      const filename = strings.dedup(frame.file)
      functions.push(new pprof.Function({ id, name, systemName: name, filename }))
      const line = [new pprof.Line({ functionId: id })]
      location.push(new pprof.Location({ id, mappingId: mappingId(frame.module), line }))
      frameIds.set(key, id)
    }
    return id
  }

  const locationIds = version.stacks.map(({ frames }) => frames.map(frameId).reverse())
  const label = Object.entries(labelsOf(host, version)).map(
    ([key, str]) => new pprof.Label({ key: strings.dedup(key), str: strings.dedup(str) }),
  )
  const type = strings.dedup('cpu')
  const unit = strings.dedup('nanoseconds')
  const tables = new pprof.Profile({
    sampleType: [new pprof.ValueType({ type, unit })],
    ...{ mapping, location, function: functions, stringTable: strings },
    periodType: new pprof.ValueType({ type, unit }),
    period: PERIOD_NS,
  })
  return { bytes: tables.encode(), locationIds, label }
}

function labelsOf(host: DemoHost, { version }: DemoVersion): Labels {
  return {
    service: host.service.service,
    version,
    host: host.host,
    region: host.region,
    instance_type: host.instanceType,
    demo: 'true',
  }
}
