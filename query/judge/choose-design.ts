// Which comparison the data allow. Time moves by itself, so hosts before a deploy against the same
// hosts after it prove nothing; every design here has a control that time moved as well.

/** Who ran what in which step; steps have equal length and count from the start of the range. */
export type Presence = {
  readonly steps: number
  readonly clusters: ReadonlyMap<string, Runs>
}

/** By step, 1 where the cluster ran the version. */
export type Runs = { readonly baseline: Uint8Array; readonly candidate: Uint8Array }

/** Half open, in steps. */
export type Steps = { readonly from: number; readonly to: number }

export type Design =
  /** Both versions ran on different hosts at the same time. */
  | { readonly name: 'canary'; readonly window: Steps; readonly byHour: boolean }
  /** Both ran on the same hosts at the same time. */
  | { readonly name: 'paired'; readonly window: Steps }
  /** As canary; the hosts of both arms have a history of the old version. */
  | {
      readonly name: 'did'
      readonly window: Steps
      readonly before: Steps
      readonly canary: readonly string[]
      readonly control: readonly string[]
    }
  /** Everything went over at once: only earlier days are left. */
  | { readonly name: 'days'; readonly window: Steps }

// Parts of the candidate's hosts from which on a design speaks for them.
const MOST = 0.6
const HALF = 0.5

/**
 * The strongest design there is data for; undefined where the candidate did not run. `warmUp`: steps
 * after the candidate's first that are left out, where there are three times as many, since caches and
 * compilers are cold then.
 */
export function chooseDesign(presence: Presence, warmUp: number): Design | undefined {
  const first = firstStep(presence, 'candidate')
  if (first === undefined) return undefined
  const window = trim(concurrent(presence), warmUp)
  if (window === undefined)
    return { name: 'days', window: trim({ from: first, to: presence.steps }, warmUp) as Steps }

  const canary = running(presence, 'candidate', window)
  const baseline = running(presence, 'baseline', window)
  const sameTime = canary.filter((name) => runsBoth(presence, name, window))
  if (sameTime.length >= HALF * canary.length) return { name: 'paired', window }

  const control = baseline.filter((name) => !canary.includes(name))
  const length = window.to - window.from
  const before = { from: Math.max(0, first - length), to: first }
  const had = (names: readonly string[]) => {
    const known = new Set(running(presence, 'baseline', before))
    return names.filter((name) => known.has(name))
  }
  const [canaryBefore, controlBefore] = [had(canary), had(control)]
  // Where most hosts change over within the window, the few that do not are no control.
  const enough =
    control.length >= HALF * baseline.length &&
    before.to - before.from >= HALF * length &&
    canaryBefore.length >= MOST * canary.length &&
    controlBefore.length >= MOST * control.length
  if (enough && canaryBefore.length >= 2 && controlBefore.length >= 2)
    return { name: 'did', window, before, canary: canaryBefore, control: controlBefore }
  // Hosts that changed over within the window make the baseline early and the candidate late.
  return { name: 'canary', window, byHour: control.length < baseline.length }
}

function firstStep(presence: Presence, arm: keyof Runs): number | undefined {
  for (let step = 0; step < presence.steps; step++) if (anyRuns(presence, arm, step)) return step
  return undefined
}

/** From the first step to the last in which both arms run somewhere. */
function concurrent(presence: Presence): Steps | undefined {
  let from: number | undefined
  let to = 0
  for (let step = 0; step < presence.steps; step++) {
    if (!anyRuns(presence, 'baseline', step) || !anyRuns(presence, 'candidate', step)) continue
    from ??= step
    to = step + 1
  }
  return from === undefined ? undefined : { from, to }
}

function trim(steps: Steps | undefined, warmUp: number): Steps | undefined {
  if (steps === undefined || steps.to - steps.from < 3 * warmUp) return steps
  return { from: steps.from + warmUp, to: steps.to }
}

function anyRuns(presence: Presence, arm: keyof Runs, step: number): boolean {
  return [...presence.clusters.values()].some((runs) => runs[arm][step] === 1)
}

function running(presence: Presence, arm: keyof Runs, { from, to }: Steps): string[] {
  return [...presence.clusters]
    .filter(([, runs]) => runs[arm].subarray(from, to).includes(1))
    .map(([name]) => name)
}

// One step with both is a host that changed over in it.
function runsBoth(presence: Presence, name: string, { from, to }: Steps): boolean {
  const { baseline, candidate } = presence.clusters.get(name) as Runs
  let both = 0
  let either = 0
  for (let step = from; step < to; step++) {
    if (candidate[step] === 1) either++
    if (candidate[step] === 1 && baseline[step] === 1) both++
  }
  return both >= Math.max(2, HALF * either)
}
