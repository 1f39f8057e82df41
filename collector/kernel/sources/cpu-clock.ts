import { CPU_SAMPLE } from '../../../infra/contract/profile.ts'
import { errorMessage, FlamewatchError } from '../../../infra/runtime/errors.ts'
import type { Log } from '../../../infra/runtime/log.ts'
import { CpuEvents, type CpuSource } from '../cpu-events.ts'
import type { BpfObject } from '../libbpf.ts'
import { closeFd, readU64 } from '../libc.ts'
import { openCpuClock, readOnlineCpus } from '../perf-event.ts'
import { SOURCE } from '../sample-layout.ts'
import type { SampleSource } from './source.ts'

/** Whatever runs on each online CPU, `frequencyHz` times a second. */
export function cpuClock(frequencyHz: number, log: Log): SampleSource {
  return {
    number: SOURCE.cpu,
    kind: {
      sample: CPU_SAMPLE,
      period: { type: CPU_SAMPLE, value: Math.round(1e9 / frequencyHz) },
    },
    program: 'on_sample',
    attach(object) {
      const cpus = new CpuEvents(cpuSource(object, frequencyHz))
      try {
        cpus.rescan()
        if (cpus.size === 0)
          throw new FlamewatchError('perf_event', 'No CPU of this machine could be sampled.')
      } catch (error) {
        cpus.close()
        throw error
      }
      return { follow: () => followCpus(cpus, log), close: () => cpus.close() }
    },
  }
}

// An error here must not keep the window: the CPUs that are sampled go on.
function followCpus(cpus: CpuEvents, log: Log): void {
  try {
    const { added, removed, reopened } = cpus.rescan()
    if (added.length + removed.length + reopened.length > 0)
      log.info({ added, removed, reopened }, 'online CPUs changed')
  } catch (err) {
    log.error({ err }, 'follow online CPUs')
  }
}

function cpuSource(object: BpfObject, frequencyHz: number): CpuSource {
  return {
    online: readOnlineCpus,
    open: (cpu) => {
      const fd = openCpuClock(cpu, frequencyHz)
      if (fd === null) return null
      try {
        const link = object.attachPerfEvent('on_sample', fd)
        return { runningNs: () => readU64(fd), close: () => link.destroy() }
      } catch (cause) {
        closeFd(fd)
        throw new FlamewatchError('perf_event', `attach to CPU ${cpu}: ${errorMessage(cause)}`, {
          cause,
        })
      }
    },
  }
}
