import { describe, expect, test } from 'vitest'
import { findLabelFault } from '../../infra/contract/labels.ts'
import { NO_CGROUP_NAMES } from './cgroup-path.ts'
import type { ProcessFacts } from './process-labels.ts'
import {
  cleanValue,
  labelKernelThread,
  labelProcess,
  labelUnseen,
  nameService,
  nameVersion,
} from './process-labels.ts'

const CONTAINER = {
  ...{ name: null, pod: null, namespace: null, image: null, imageVersion: null },
  podLabels: {},
}

const FACTS: ProcessFacts = {
  comm: 'MainThread',
  executable: 'python3.11',
  argv0: 'python3',
  workingDirectory: '/srv/shop',
  entry: { kind: 'script', path: 'checkout.py' },
  otel: { service: null, version: null },
  cgroup: NO_CGROUP_NAMES,
  container: null,
  executableVersion: 'buildid00001',
  entryVersion: 'script000001',
}

describe('service: the first that is known wins', () => {
  const all: ProcessFacts = {
    ...FACTS,
    otel: { service: 'by-otel', version: null },
    container: { ...CONTAINER, name: 'by-name', podLabels: { 'app.kubernetes.io/name': 'by-pod' } },
    cgroup: { ...NO_CGROUP_NAMES, unit: 'by-unit.service' },
  }

  test('OpenTelemetry, pod label, container, unit, script, executable, thread name', () => {
    expect(nameService(all)).toBe('by-otel')
    const noOtel = { ...all, otel: FACTS.otel }
    expect(nameService(noOtel)).toBe('by-pod')
    expect(nameService({ ...noOtel, container: { ...CONTAINER, name: 'by-name' } })).toBe('by-name')
    expect(nameService({ ...noOtel, container: null })).toBe('by-unit')
    expect(nameService(FACTS)).toBe('checkout')
    expect(nameService({ ...FACTS, entry: { kind: 'none' } })).toBe('python3.11')
    expect(nameService({ ...FACTS, executable: 'nginx', entry: null })).toBe('nginx')
    expect(nameService({ ...FACTS, executable: null, entry: null })).toBe('MainThread')
  })

  test('a title the program gave itself stands in for its script', () => {
    const titled = { ...FACTS, entry: { kind: 'none' }, argv0: 'gunicorn: worker [app]' } as const
    expect(nameService(titled)).toBe('gunicorn')
  })

  test("a user's session manager is passed over", () => {
    const cgroup = { ...NO_CGROUP_NAMES, unit: 'user@1000.service' }
    expect(nameService({ ...FACTS, cgroup })).toBe('checkout')
  })
})

describe('version: the first that is known wins', () => {
  test('OpenTelemetry, pod label, image, script, executable, unknown', () => {
    const container = {
      ...CONTAINER,
      imageVersion: 'v4',
      podLabels: { 'app.kubernetes.io/version': '4.2' },
    }
    const all = { ...FACTS, container, otel: { service: null, version: '4.2.0' } }
    expect(nameVersion(all)).toBe('4.2.0')
    expect(nameVersion({ ...FACTS, container })).toBe('4.2')
    expect(nameVersion({ ...FACTS, container: { ...container, podLabels: {} } })).toBe('v4')
    expect(nameVersion(FACTS)).toBe('script000001')
    expect(nameVersion({ ...FACTS, entryVersion: null })).toBe('buildid00001')
    expect(nameVersion({ ...FACTS, entryVersion: null, executableVersion: null })).toBe('unknown')
  })
})

test('labels name the container, or the start of its id as docker ps prints it', () => {
  const containerId = '9f86d081884c'.padEnd(64, '0')
  const cgroup = { containerId, podUid: '3c5d9a52-1b7e-4f0d-9c3e-0a1b2c3d4e5f', unit: null }
  expect(labelProcess({ ...FACTS, cgroup }, 'web-1')).toEqual({
    service: 'checkout',
    version: 'script000001',
    host: 'web-1',
    container: '9f86d081884c',
    pod: '3c5d9a52-1b7e-4f0d-9c3e-0a1b2c3d4e5f',
    comm: 'MainThread',
  })
  const container = { ...CONTAINER, name: 'app', pod: 'checkout-0', namespace: 'shop' }
  expect(labelProcess({ ...FACTS, cgroup, container }, 'web-1')).toMatchObject({
    container: 'app',
    pod: 'checkout-0',
    namespace: 'shop',
  })
})

test('a process that died unseen has the name of its thread and what its cgroup says', () => {
  const cgroup = { ...NO_CGROUP_NAMES, unit: 'cron.service' }
  const facts = { comm: 'sh', cgroup, container: null, version: null }
  expect(labelUnseen(facts, 'web-1')).toEqual({
    service: 'cron',
    version: 'unknown',
    host: 'web-1',
    unit: 'cron.service',
    comm: 'sh',
  })
})

test('kernel threads are one service, and per-CPU names one name', () => {
  const labels = { service: 'kernel', version: '6.18.44', host: 'web-1' }
  expect(labelKernelThread('kworker/3:1H-kblockd', '6.18.44', 'web-1')).toEqual({
    ...labels,
    comm: 'kworker',
  })
  expect(labelKernelThread('kswapd0', '6.18.44', 'web-1')).toEqual({ ...labels, comm: 'kswapd0' })
})

describe('hostile names', () => {
  test('become what the contract lets a label hold', () => {
    const hostile = `a\0b\n\u001b[31m${'ä'.repeat(5000)}\ud800`
    const facts = {
      ...FACTS,
      comm: hostile,
      otel: { service: hostile, version: hostile },
      cgroup: { ...NO_CGROUP_NAMES, unit: hostile },
    }
    const labels = labelProcess(facts, 'web-1')
    expect(findLabelFault(labels)).toBeNull()
    expect(labels['service']).toMatch(/^a\?b\?\[31mä+$/)
  })

  test('that are empty leave no label, and no empty service', () => {
    const labels = labelProcess(
      { ...FACTS, comm: ' ', otel: { service: '\u0001 ', version: '' } },
      'web-1',
    )
    expect(labels).not.toHaveProperty('comm')
    expect(findLabelFault(labels)).toBeNull()
  })

  test('are cut between characters', () => {
    const cut = cleanValue(`x${'€'.repeat(1000)}`)
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(2048)
    expect(cut.isWellFormed() && !cut.includes('\ufffd')).toBe(true)
  })
})
