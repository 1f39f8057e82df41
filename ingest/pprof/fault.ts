/** Why a profile is not taken: `malformed` is for ever, `too_large` names the limit. */
export type ProfileFault = {
  readonly kind: 'fault'
  readonly code: 'malformed' | 'too_large'
  /** What is wrong and where, for the sender. */
  readonly reason: string
}

/** Carries a fault out of the depths of the scanner; scanProfile turns it into a value. */
export class PprofError extends Error {
  readonly code: ProfileFault['code']

  constructor(code: ProfileFault['code'], reason: string) {
    super(reason)
    this.code = code
  }

  toFault(): ProfileFault {
    return { kind: 'fault', code: this.code, reason: this.message }
  }
}
