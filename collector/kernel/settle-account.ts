import type { DropReason } from '../../infra/contract/account.ts'
import { FlamewatchError } from '../../infra/runtime/errors.ts'
import type { Reading } from './generation.ts'
import type { SampleStats } from './sample-layout.ts'

export type Settled = {
  readonly dropped: readonly { readonly reason: DropReason; readonly samples: number }[]
}

/**
 * Holds what the program counted against what was found in its maps. Samples that an error of the
 * kernel kept from being read are dropped as `drain_error`. Throws `kernel_error` when samples are
 * missing without such an error, or there are too many: nothing here may hide that.
 */
export function settleAccount(
  stats: Omit<SampleStats, 'ends'>,
  reading: Pick<Reading, 'counted' | 'overflowed' | 'error'>,
): Settled {
  const { taken, idle, filtered, countsFull, nested, waitMemory } = stats
  const left = idle + filtered + countsFull + nested + waitMemory
  const missing = taken - left - reading.counted - reading.overflowed
  const isExplained = missing > 0 && reading.error < 0
  if (missing !== 0 && !isExplained)
    throw new FlamewatchError(
      'kernel_error',
      `The account of samples leaves ${missing} of ${taken} unaccounted for: ` +
        `idle ${idle}, filtered ${filtered}, counted ${reading.counted} of ${stats.counted}, ` +
        `overflowed ${reading.overflowed} of ${stats.overflowed}, counts full ${countsFull}, ` +
        `nested ${nested}, no memory ${waitMemory}. ` +
        'The window is thrown away.',
    )
  return {
    dropped: [
      { reason: 'counts_full', samples: countsFull },
      { reason: 'recursion', samples: nested },
      { reason: 'wait_memory', samples: waitMemory },
      { reason: 'drain_error', samples: missing },
    ],
  }
}
