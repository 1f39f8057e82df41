import { join } from 'node:path'
import { FlamewatchError } from '../infra/runtime/errors.ts'
import type { SampleFilter } from './kernel/filter.ts'
import type { SamplerOptions } from './kernel/sampler.ts'
import { hookSource } from './kernel/sources/hook.ts'
import { OFF_CPU } from './kernel/sources/off-cpu.ts'
import type { CollectorOptions } from './options.ts'
import { findCgroupMounts } from './process/cgroup-mounts.ts'
import { CgroupTree } from './process/cgroup-tree.ts'

type Choice = Pick<CollectorOptions, 'onlyCgroup' | 'onlyPid' | 'excludeComm'> &
  Pick<CollectorOptions, 'offCpu' | 'offCpuThreshold' | 'event'>

/** What to sample, as the user asked. Throws `option_invalid`. */
export function chooseSampling(
  options: Choice,
): Pick<SamplerOptions, 'filter' | 'sources' | 'offCpuThresholdNs'> {
  return {
    filter: filterOf(options),
    sources: [...(options.offCpu ? [OFF_CPU] : []), ...options.event.map(hookSource)],
    offCpuThresholdNs: options.offCpuThreshold,
  }
}

function filterOf({ onlyCgroup, onlyPid, excludeComm }: Choice): SampleFilter {
  return {
    ...(onlyCgroup !== undefined && { cgroup: findCgroup(onlyCgroup) }),
    pids: onlyPid,
    excludedComms: excludeComm,
  }
}

/** The directory of a cgroup given by its id, its path as /proc/PID/cgroup has it, or its directory. */
function findCgroup(given: string): string {
  const unified = findCgroupMounts().filter(({ hierarchy }) => hierarchy === 0)
  const mount = unified[0]?.directory
  if (mount === undefined)
    throw new FlamewatchError('option_invalid', '--only-cgroup: no cgroup2 hierarchy is mounted.', {
      hint: 'Type: sudo mount -t cgroup2 none /sys/fs/cgroup/unified',
    })
  if (!/^\d+$/.test(given))
    return given === mount || given.startsWith(`${mount}/`) ? given : join(mount, given)
  const path = new CgroupTree(unified).pathOf(BigInt(given))
  if (path === null)
    throw new FlamewatchError(
      'option_invalid',
      `--only-cgroup: there is no cgroup with id ${given}.`,
      {
        hint: `The id of a cgroup is the inode of its directory: ls -di ${mount}/PATH`,
      },
    )
  return mount + path
}
