import { FlamewatchError } from '../infra/runtime/errors.ts'
import type { ProfileFault } from './pprof/fault.ts'

/** A fault of a profile as its sender meets it. */
export function faultError({ code, reason }: ProfileFault): FlamewatchError {
  return new FlamewatchError(code, `Not a profile to take: ${reason}.`, {
    hint:
      code === 'too_large'
        ? 'Send smaller profiles: less time each, or fewer labels.'
        : 'Send a pprof profile (github.com/google/pprof), gzip or plain.',
    status: code === 'too_large' ? 413 : 400,
  })
}
