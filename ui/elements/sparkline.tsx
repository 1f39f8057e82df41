/** Values over time in one small shape; the numbers stand beside it. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const width = 132
  const height = 24
  const finite = values.map((value) => (Number.isFinite(value) && value > 0 ? value : 0))
  const most = Math.max(...finite, 1e-12)
  const step = width / Math.max(1, finite.length - 1)
  const points = finite.map(
    (value, i) => `${round(i * step)},${round(height - 1 - (value / most) * (height - 3))}`,
  )
  if (finite.length === 1) points.push(`${width},${(points[0] ?? '0,0').split(',')[1]}`)
  if (points.length === 0) return null
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
    >
      <path class="sparkline-area" d={`M0,${height} L${points.join(' L')} L${width},${height} Z`} />
      <path class="sparkline-line" d={`M${points.join(' L')}`} />
    </svg>
  )
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
