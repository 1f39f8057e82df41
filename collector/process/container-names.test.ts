import { expect, test } from 'vitest'
import { checkNames, imageVersion } from './container-names.ts'

test.each([
  ['nginx:1.25', null, '1.25'],
  ['localhost:5000/nginx', null, null],
  ['localhost:5000/nginx:2', null, '2'],
  ['nginx:latest', null, null],
  [`nginx:latest@sha256:${'12'.repeat(32)}`, null, '121212121212'],
  [`nginx@sha256:${'12'.repeat(32)}`, null, '121212121212'],
  ['nginx', `sha256:${'34'.repeat(32)}`, '343434343434'],
  [null, null, null],
  [`sha256:${'56'.repeat(32)}`, null, '565656565656'],
  ['56'.repeat(32), `sha256:${'78'.repeat(32)}`, '565656565656'],
  ['nginx:-bad', null, null],
])('image %s with digest %s has version %s', (reference, digest, version) => {
  expect(imageVersion(reference, digest)).toBe(version)
})

test('of several sources the first that knows a name by its rules tells it', () => {
  expect(
    checkNames([
      { name: 'with space', pod: null, podLabels: { 'app.kubernetes.io/name': 7 } },
      { name: 'second', pod: 'pod-0', podLabels: { 'app.kubernetes.io/name': 'checkout', x: 'y' } },
      { name: 'third', pod: 'pod-1', namespace: 'shop', image: 'nginx:1.25' },
    ]),
  ).toEqual({
    ...{ name: 'second', pod: 'pod-0', namespace: 'shop', image: 'nginx:1.25' },
    ...{ imageVersion: '1.25', podLabels: { 'app.kubernetes.io/name': 'checkout' } },
  })
})

test.each([
  ['control characters', 'a\u0000b'],
  ['a path', '../x'],
  ['other scripts', 'сервис'],
  ['no end', 'x'.repeat(600)],
])('a name with %s is unknown in every place', (_, name) => {
  const podLabels = { 'app.kubernetes.io/name': `${name}/` }
  expect(checkNames([{ name, pod: name, namespace: name, image: name, podLabels }])).toBeNull()
})
