import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { imageVersion, readContainerNames } from './container-names.ts'

const ID = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'container-names-'))
})

afterEach(() => rmSync(root, { recursive: true }))

function write(path: string, content: unknown): void {
  mkdirSync(dirname(root + path), { recursive: true })
  writeFileSync(root + path, typeof content === 'string' ? content : JSON.stringify(content))
}

test('reads the names a kubelet gave a container of containerd', () => {
  write(`/run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`, {
    process: { env: ['PASSWORD=secret'] },
    annotations: {
      'io.kubernetes.cri.container-name': 'checkout',
      'io.kubernetes.cri.image-name': 'registry.example/shop/checkout:v4.2.0',
      'io.kubernetes.cri.sandbox-name': 'checkout-7d9f-x2x',
      'io.kubernetes.cri.sandbox-namespace': 'shop',
    },
  })
  expect(readContainerNames(ID, root)).toEqual({
    name: 'checkout',
    pod: 'checkout-7d9f-x2x',
    namespace: 'shop',
    imageVersion: 'v4.2.0',
    podLabels: {},
  })
})

test('reads the names and the two labels that matter of a container of CRI-O', () => {
  write(`/var/lib/containers/storage/overlay-containers/${ID}/userdata/config.json`, {
    annotations: {
      'io.kubernetes.container.name': 'app',
      'io.kubernetes.pod.name': 'checkout-0',
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.cri-o.ImageName': 'quay.io/shop/checkout:latest',
      'io.kubernetes.cri-o.ImageRef': `quay.io/shop/checkout@sha256:${'ab'.repeat(32)}`,
      'io.kubernetes.cri-o.Labels': JSON.stringify({
        'app.kubernetes.io/name': 'checkout',
        'app.kubernetes.io/version': '4.2.0',
        secret: 'no',
      }),
    },
  })
  expect(readContainerNames(ID, root)).toEqual({
    name: 'app',
    pod: 'checkout-0',
    namespace: 'shop',
    imageVersion: 'abababababab',
    podLabels: { 'app.kubernetes.io/name': 'checkout', 'app.kubernetes.io/version': '4.2.0' },
  })
})

test('reads the name of a container of Docker, by its compose service where it has one', () => {
  const path = `/var/lib/docker/containers/${ID}/config.v2.json`
  write(path, { Name: '/web-1', Config: { Image: 'nginx:1.25', Env: ['TOKEN=secret'] } })
  expect(readContainerNames(ID, root)).toMatchObject({ name: 'web-1', imageVersion: '1.25' })
  write(path, {
    Name: '/shop-web-1',
    Config: {
      Image: 'web',
      Labels: { 'com.docker.compose.service': 'web', 'com.docker.compose.project': 'shop' },
    },
    Image: `sha256:${'cd'.repeat(32)}`,
  })
  expect(readContainerNames(ID, root)).toMatchObject({
    name: 'web',
    namespace: 'shop',
    imageVersion: 'cdcdcdcdcdcd',
  })
})

test('knows nothing of a container nobody wrote about, or of which the file is damaged', () => {
  expect(readContainerNames(ID, root)).toBeNull()
  write(`/var/lib/docker/containers/${ID}/config.v2.json`, '{"Name": "/web')
  expect(readContainerNames(ID, root)).toBeNull()
})

test('bears with values of other types than expected', () => {
  write(`/var/lib/docker/containers/${ID}/config.v2.json`, { Name: 7, Config: ['x'], Image: {} })
  expect(readContainerNames(ID, root)).toMatchObject({ name: null, imageVersion: null })
})

test.each([
  ['nginx:1.25', null, '1.25'],
  ['localhost:5000/nginx', null, null],
  ['localhost:5000/nginx:2', null, '2'],
  ['nginx:latest', null, null],
  [`nginx:latest@sha256:${'12'.repeat(32)}`, null, '121212121212'],
  [`nginx@sha256:${'12'.repeat(32)}`, null, '121212121212'],
  ['nginx', `sha256:${'34'.repeat(32)}`, '343434343434'],
  [null, null, null],
  ['nginx:-bad', null, null],
])('image %s with digest %s has version %s', (reference, digest, version) => {
  expect(imageVersion(reference, digest)).toBe(version)
})
