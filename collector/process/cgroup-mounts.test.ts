import { expect, test } from 'vitest'
import { findCgroupMounts } from './cgroup-mounts.ts'

const HYBRID = {
  mountinfo: [
    '1 0 0:1 / / rw - ext4 /dev/vda rw',
    '26 23 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
    '33 26 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:4 - cgroup cgroup rw,cpu,cpuacct',
    '34 26 0:31 / /sys/fs/cgroup/my\\040pids rw - cgroup cgroup rw,pids',
    '40 26 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '35 26 0:30 /docker/abc /mnt/part rw,relatime - cgroup2 cgroup2 rw',
    '36 26 0:30 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw',
  ].join('\n'),
  cgroup: '9:name=systemd:/\n8:pids:/\n2:cpu,cpuacct:/\n0::/\n',
  root: '',
}

test('finds v2 and each hierarchy of v1 with the number the kernel gave it, no parts of them', () => {
  expect(findCgroupMounts([HYBRID], () => 1n)).toEqual([
    { hierarchy: 2, directory: '/sys/fs/cgroup/cpu,cpuacct' },
    { hierarchy: 8, directory: '/sys/fs/cgroup/my pids' },
    { hierarchy: 9, directory: '/sys/fs/cgroup/systemd' },
    { hierarchy: 0, directory: '/sys/fs/cgroup/unified' },
  ])
})

test('prefers a mount that shows the whole tree to one of a cgroup namespace', () => {
  const own = {
    mountinfo: [
      '40 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      '41 31 0:38 / /host/sys/fs/cgroup rw - cgroup2 cgroup2 rw',
    ].join('\n'),
    cgroup: '0::/\n',
    root: '',
  }
  const first = {
    mountinfo: '40 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
    cgroup: '0::/init.scope\n',
    root: '/proc/1/root',
  }
  const whole = (directory: string) => (path: string) => (path === directory ? 1n : 4711n)
  const found = (directory: string) => findCgroupMounts([own, first], whole(directory))
  expect(found('/host/sys/fs/cgroup')).toEqual([{ hierarchy: 0, directory: '/host/sys/fs/cgroup' }])
  expect(found('/proc/1/root/sys/fs/cgroup')).toEqual([
    { hierarchy: 0, directory: '/proc/1/root/sys/fs/cgroup' },
  ])
  expect(found('')).toEqual([{ hierarchy: 0, directory: '/sys/fs/cgroup' }])
})

test('finds nothing where no cgroups are mounted or nothing can be read', () => {
  expect(findCgroupMounts([{ mountinfo: '', cgroup: '', root: '' }], () => null)).toEqual([])
})
