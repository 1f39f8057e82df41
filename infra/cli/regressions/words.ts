import type { RegressionRow, RegressionsAnswer } from '../../../query/api.ts'

// Sentences that the reports share.

/** `+1.2 %`, with two digits that count. */
export function formatShare(share: number, sign = false): string {
  const value = Number((100 * share).toPrecision(2))
  return `${sign && value > 0 ? '+' : ''}${value} %`
}

export function describeChange(row: RegressionRow): string {
  const { function: fn, baseline, candidate, delta, interval, hostsAgree } = row
  const hosts = hostsAgree === null ? '' : `; ${Math.round(100 * hostsAgree)} % of the hosts agree`
  return (
    `${fn.name} takes ${formatShare(candidate)} of the service, before ${formatShare(baseline)}: ` +
    `${formatShare(delta, true)}, 95 % sure of ${formatShare(interval[0], true)} to ` +
    `${formatShare(interval[1], true)}${hosts}.`
  )
}

const DESIGNS: Readonly<Record<RegressionsAnswer['design'], string>> = {
  did: 'changed hosts against unchanged ones, each beside its own past',
  canary: 'hosts of the one version against hosts of the other, at the same time',
  paired: 'both versions on the same hosts at the same time',
  days: 'the same hours of earlier days',
  none: 'nothing to compare with',
}

export function describeDesign({
  design,
  byHour,
  baseline,
  candidate,
  confidence,
}: RegressionsAnswer): string {
  const counts =
    design === 'days'
      ? `${baseline.effectiveHosts} days`
      : `${candidate.hosts} against ${baseline.hosts} hosts`
  return `Compared: ${DESIGNS[design]}${byHour ? ', hour by hour' : ''} (${design}, ${counts}, confidence ${confidence}).`
}

/** Where the page shows it. */
export function linkTo(row: RegressionRow, server: URL): string {
  return new URL(row.page, server).href
}

export const HEADLINES: Readonly<Record<RegressionsAnswer['verdict'], string>> = {
  ok: 'OK',
  regression: 'REGRESSION',
  inconclusive: 'INCONCLUSIVE',
}
