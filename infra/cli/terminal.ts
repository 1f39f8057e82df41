// What commands print for people.

// Numbers to the right, the last column to the left.
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padStart(widths[i] as number)))
      .join('  '),
  )
}

// Names come from profiled programs: none may steer the terminal.
export function clean(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd')
}
