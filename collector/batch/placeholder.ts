import type { StackFault } from '../../infra/contract/account.ts'
import { PLACEHOLDER, PLACEHOLDER_MODULE } from '../../infra/contract/profile.ts'
import type { Frame } from '../symbolize/frame.ts'
import { makeFrame } from '../symbolize/frames.ts'

// Frames that stand where the truth is not known. A fault is counted by the frame that shows it, so
// graph and account cannot differ.

export const PLACEHOLDER_FRAMES: Readonly<Record<StackFault, Frame>> = {
  collision: placeholder(PLACEHOLDER.lostCollision),
  memory: placeholder(PLACEHOLDER.lostMemory),
  no_user_stack: placeholder(PLACEHOLDER.noUserStack),
  other: placeholder(PLACEHOLDER.lostOther),
  broken: placeholder(PLACEHOLDER.broken),
}

const FAULTS: ReadonlyMap<Frame, StackFault> = new Map(
  (Object.keys(PLACEHOLDER_FRAMES) as StackFault[]).map((fault) => [
    PLACEHOLDER_FRAMES[fault],
    fault,
  ]),
)

export function faultOf(frame: Frame): StackFault | undefined {
  return FAULTS.get(frame)
}

function placeholder(name: string): Frame {
  return makeFrame({ name, mapping: PLACEHOLDER_MODULE })
}
