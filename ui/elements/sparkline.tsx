/** Values over time in one small shape, with ticks at deploys; the numbers stand beside it. */
export function Sparkline(props: {
  values: readonly number[]
  /** Places of ticks, as shares of the width. */
  ticks: readonly number[]
  label: string
}) {
  const width = 100
  const height = 28
  const values = props.values.map((value) => (Number.isFinite(value) && value > 0 ? value : 0))
  if (values.length === 0) return null
  const most = Math.max(...values, 1e-12)
  const step = width / Math.max(1, values.length - 1)
  const y = (value: number): number => round(height - (value / most) * (height - 3))
  const points = values.map((value, i) => `${round(i * step)},${y(value)}`)
  if (values.length === 1) points.push(`${width},${y(values[0] ?? 0)}`)
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={props.label}
    >
      <path class="sparkline-area" d={`M0,${height} L${points.join(' L')} L${width},${height} Z`} />
      <path class="sparkline-line" d={`M${points.join(' L')}`} />
      {props.ticks.map((tick) => (
        <path key={tick} class="sparkline-tick" d={`M${round(tick * width)},0 v${height}`} />
      ))}
    </svg>
  )
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
