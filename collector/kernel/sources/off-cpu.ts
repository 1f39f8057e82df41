import { OFF_CPU_SAMPLE } from '../../../infra/contract/profile.ts'
import { errorMessage, FlamewatchError } from '../../../infra/runtime/errors.ts'
import { SOURCE } from '../sample-layout.ts'
import type { SampleSource } from './source.ts'

/** Threads that waited, once they run again; a value is the nanoseconds they waited. */
export const OFF_CPU: SampleSource = {
  number: SOURCE.offCpu,
  kind: { sample: OFF_CPU_SAMPLE, period: null },
  program: 'on_switch',
  attach(object) {
    try {
      const link = object.attach('on_switch')
      return { follow: () => undefined, close: () => link.destroy() }
    } catch (cause) {
      throw new FlamewatchError(
        'kernel_unsupported',
        `attach to sched_switch: ${errorMessage(cause)}`,
        { hint: 'Run without --off-cpu.', cause },
      )
    }
  },
}
