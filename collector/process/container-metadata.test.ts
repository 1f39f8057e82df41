import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CONTAINERS, writeContainerHost } from '../../tests/fixtures/containers/container-host.ts'
import { parseCgroupPath } from './cgroup-path.ts'
import { ContainerMetadata } from './container-metadata.ts'
import { hostFiles } from './host-files.ts'
import { labelUnseen } from './process-labels.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'container-metadata-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const ID = 'c'.repeat(64)
const DOCKER_CONFIG = `var/lib/docker/containers/${ID}/config.v2.json`
const metadata = () => new ContainerMetadata(hostFiles(root))
const namesOf = (containerId: string) => metadata().names({ containerId, podUid: null, unit: null })

function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  writeFileSync(join(root, path), text)
}

test.each(CONTAINERS)('$runtime: its files name service, version and pod', (container) => {
  writeContainerHost(root)
  const cgroup = parseCgroupPath(container.cgroup)
  const labels = labelUnseen(
    { comm: 'app', cgroup, container: metadata().names(cgroup), version: null },
    'host',
  )
  expect(labels).toMatchObject(container.labels)
  // What stands beside the names in these files is never taken along.
  expect(JSON.stringify(labels)).not.toContain('hunter2')
})

test('reads a Docker whose data is elsewhere', () => {
  write('etc/docker/daemon.json', { 'data-root': '/data/docker' })
  write(`data/docker/containers/${ID}/config.v2.json`, { Name: '/moved', Config: {} })
  expect(namesOf(ID)).toMatchObject({ name: 'moved' })
})

test('follows a link in the host root inside that root, as one of /var/lib/docker to another disk', () => {
  write(`data/docker/containers/${ID}/config.v2.json`, { Name: '/linked', Config: {} })
  mkdirSync(join(root, 'var/lib'), { recursive: true })
  symlinkSync('/data/docker', join(root, 'var/lib/docker'))
  expect(namesOf(ID)).toMatchObject({ name: 'linked' })
})

test('names that break the rules of their kind are unknown, the others hold', () => {
  write(DOCKER_CONFIG, {
    Name: '/web\n"; DROP TABLE profiles; --',
    Config: { Image: 'nginx:1.25', Labels: { 'com.docker.compose.project': '../../etc' } },
  })
  expect(namesOf(ID)).toEqual({
    ...{ name: null, pod: null, namespace: null, podLabels: {} },
    ...{ image: 'nginx:1.25', imageVersion: '1.25' },
  })
})

test.each([
  ['a name far too long', { Name: `/${'x'.repeat(100_000)}`, Config: {} }],
  ['values of other types', { Name: 7, Config: ['x'], Image: {} }],
  ['a file that is no object', '[]'],
  ['a file cut in the middle', '{"Name": "/web'],
  ['a file too large to be one', `{"Name": "/web", "x": "${'y'.repeat(2 << 20)}"}`],
  ['a prototype in place of labels', '{"Config": {"Labels": {"__proto__": {"x": 1}}}}'],
])('bears with %s', (_, content) => {
  write(DOCKER_CONFIG, content)
  expect(namesOf(ID)).toBeNull()
})

test('a pipe where a file should be does not hold the collector', () => {
  mkdirSync(join(root, dirname(DOCKER_CONFIG)), { recursive: true })
  execFileSync('mkfifo', [join(root, DOCKER_CONFIG)])
  expect(namesOf(ID)).toBeNull()
})

test('what was not there is looked for again a minute later, what was found is kept', () => {
  const kept = metadata()
  const names = () => kept.names({ containerId: ID, podUid: null, unit: null })
  expect(names()).toBeNull()
  write(DOCKER_CONFIG, { Name: '/late', Config: {} })
  expect(names()).toBeNull()
  for (let window = 0; window < 6; window++) kept.refresh()
  expect(names()).toMatchObject({ name: 'late' })
  rmSync(join(root, 'var'), { recursive: true })
  for (let window = 0; window < 6; window++) kept.refresh()
  expect(names()).toMatchObject({ name: 'late' })
})

test('says whose metadata can be read', () => {
  expect(metadata().reach()).toEqual([])
  writeContainerHost(root)
  const reached = metadata().reach()
  expect(reached.map(({ name }) => name)).toEqual([
    'containerd',
    'CRI-O, Podman',
    'Docker',
    'kubelet',
  ])
  expect(new Set(reached.map(({ reach }) => reach))).toEqual(new Set(['readable']))
})
