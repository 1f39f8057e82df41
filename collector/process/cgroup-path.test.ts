import { expect, test } from 'vitest'
import { chooseCgroupPath, isServiceUnit, parseCgroupPath } from './cgroup-path.ts'

const ID = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
const POD = '3c5d9a52-1b7e-4f0d-9c3e-0a1b2c3d4e5f'

test.each([
  ['docker with the cgroupfs driver', `/docker/${ID}`],
  ['docker with the systemd driver', `/system.slice/docker-${ID}.scope`],
  ['podman', `/machine.slice/libpod-${ID}.scope/container`],
  ['docker seen from inside a cgroup namespace', `/../${ID}`],
])('finds the container of %s', (_, path) => {
  expect(parseCgroupPath(path)).toEqual({ containerId: ID, podUid: null, unit: null })
})

test.each([
  ['cgroupfs driver', `/kubepods/burstable/pod${POD}/${ID}`],
  [
    'systemd driver with containerd',
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
  ],
  [
    'systemd driver with CRI-O',
    `/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/crio-${ID}.scope`,
  ],
  [
    'systemd paths given to the cgroupfs driver',
    `/system.slice/containerd.service/kubepods-besteffort-pod${POD.replaceAll('-', '_')}.slice:cri-containerd:${ID}`,
  ],
])('finds container and pod of a kubelet with the %s', (_, path) => {
  expect(parseCgroupPath(path)).toEqual({ containerId: ID, podUid: POD, unit: null })
})

test('finds a static pod, whose uid has no dashes', () => {
  const uid = '0123456789abcdef0123456789abcdef'
  expect(parseCgroupPath(`/kubepods/burstable/pod${uid}/${ID}`).podUid).toBe(uid)
})

test('finds the innermost systemd unit and undoes its escapes', () => {
  expect(parseCgroupPath('/system.slice/nginx.service').unit).toBe('nginx.service')
  expect(
    parseCgroupPath('/system.slice/system-postgresql.slice/postgresql@15-main.service').unit,
  ).toBe('postgresql@15-main.service')
  expect(parseCgroupPath('/system.slice/app@a\\x2db.service').unit).toBe('app@a-b.service')
})

test('does not take the unit of the runtime for that of a container, but one inside', () => {
  expect(parseCgroupPath(`/system.slice/containerd.service/${ID}`).unit).toBeNull()
  expect(parseCgroupPath(`/docker/${ID}/system.slice/nginx.service`).unit).toBe('nginx.service')
})

test('takes the inner of two nested containers', () => {
  const inner = 'a'.repeat(64)
  expect(parseCgroupPath(`/docker/${ID}/docker/${inner}`).containerId).toBe(inner)
})

test('does not take other hexadecimal names for containers', () => {
  const none = { containerId: null, podUid: null, unit: null }
  expect(parseCgroupPath('/process_api/44f1e20a2f4beeb3ce9729a51b0305d6')).toEqual(none)
  expect(parseCgroupPath(`/${ID}0`)).toEqual(none)
  expect(parseCgroupPath('/')).toEqual(none)
})

test("does not take a user's session manager for a service", () => {
  expect(isServiceUnit('user@1000.service')).toBe(false)
  expect(isServiceUnit('user.service')).toBe(true)
})

test('reads the one path of a pure cgroup v2 host', () => {
  expect(chooseCgroupPath('0::/system.slice/nginx.service\n')).toBe('/system.slice/nginx.service')
})

test('reads the hierarchy that names most on a v1 or hybrid host', () => {
  const text = [
    '9:name=systemd:/system.slice/nginx.service',
    '8:pids:/',
    `4:memory:/docker/${ID}`,
    '0::/',
    '',
  ].join('\n')
  expect(chooseCgroupPath(text)).toBe(`/docker/${ID}`)
})

test('prefers the unified hierarchy among those that name nothing', () => {
  expect(chooseCgroupPath('2:cpu:/a\n0::/b\n1:memory:/c\n')).toBe('/b')
})

test('has no path for a text that is none of a cgroup file', () => {
  expect(chooseCgroupPath('')).toBeNull()
  expect(chooseCgroupPath('garbage\n\0\n')).toBeNull()
})
