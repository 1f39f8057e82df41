import { useEffect, useRef, useState } from 'preact/hooks'
import { splitName, visible } from '../flamegraph/label.ts'
import { change } from '../navigation.ts'
import { type Cell, COMPARED, PLAIN, type Table, toneOf } from './function-columns.ts'
import { type Column, formatSort, type Row, type Sort } from './function-rows.ts'

const ROW_PX = 28
// Rows made above and below what is seen, so that a fast scroll does not show gaps.
const SPARE = 8

/** The table itself; only rows in sight are elements, the others are room. */
export function FunctionGrid(props: {
  rows: readonly Row[]
  table: Table
  sort: Sort
  selected: string | null
  href: (functionId: string) => string
  /** Grows with its rows instead of scrolling. */
  whole: boolean
}) {
  const { rows, table, sort, whole } = props
  const pane = useRef<HTMLElement>(null)
  const [seen, setSeen] = useState({ top: 0, height: 400 })
  useEffect(() => {
    const element = pane.current
    if (!element || whole) return
    const read = (): void => setSeen({ top: element.scrollTop, height: element.clientHeight })
    const observer = new ResizeObserver(read)
    observer.observe(element)
    element.addEventListener('scroll', read, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', read)
    }
  }, [whole])
  const from = whole ? 0 : Math.max(0, Math.min(rows.length, Math.floor(seen.top / ROW_PX)) - SPARE)
  const to = whole
    ? rows.length
    : Math.min(rows.length, Math.ceil((seen.top + seen.height) / ROW_PX) + SPARE)
  const cells = table.b ? COMPARED : PLAIN
  return (
    <section
      ref={pane}
      class={whole ? 'rows' : 'rows is-scrolling'}
      aria-label="List of functions"
      style={{ '--above': `${from * ROW_PX}px`, '--below': `${(rows.length - to) * ROW_PX}px` }}
    >
      <table class={table.b ? 'grid is-compared' : 'grid is-plain'} aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <Heading column="name" title="Function" hint="By name" size="name" sort={sort} />
            <th scope="col" class="is-module">
              Module
            </th>
            {cells.map((cell) => (
              <Heading key={cell.column} {...cell} sort={sort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(from, to).map((row, i) => (
            <tr
              key={row.info.id}
              aria-rowindex={from + i + 2}
              class={row.info.id === props.selected ? 'is-selected' : ''}
            >
              <th scope="row" title={visible(row.info.name)}>
                <Name name={visible(row.info.name)} href={props.href(row.info.id)} />
              </th>
              <td class="is-module" title={visible(row.info.module)}>
                <bdi>{visible(row.info.module)}</bdi>
              </td>
              {cells.map((cell) => (
                <td key={cell.column} class={`is-${cell.size} ${toneOf(cell, row, table)}`}>
                  {cell.bar && <Bar length={cell.bar(row, table)} both={cell.size === 'change'} />}
                  {cell.text(row, table)}
                  {cell.quiet && <span class="quiet">{cell.quiet(row, table)}</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

// Where there is no room the package gives way first.
export function Name({ name, href }: { name: string; href: string }) {
  const [parent, own] = splitName(name)
  return (
    <a class="name" href={href}>
      {parent !== '' && <bdi class="package">{parent}</bdi>}
      <bdi>{own}</bdi>
    </a>
  )
}

function Bar({ length, both }: { length: number; both: boolean }) {
  const size = Math.min(1, Math.abs(length)) * (both ? 50 : 100)
  const left = both ? (length < 0 ? 50 - size : 50) : 0
  return (
    <span class={both ? 'meter is-both' : 'meter'} aria-hidden="true">
      <span style={{ left: `${left}%`, width: `${size}%` }} />
    </span>
  )
}

function Heading(props: {
  column: Column
  title: string
  hint: string
  size: Cell['size'] | 'name'
  side?: 'A' | 'B'
  sort: Sort
}) {
  const { column, sort } = props
  const active = sort.column === column
  const ascending = active ? !sort.ascending : column === 'name'
  return (
    <th
      scope="col"
      class={`is-${props.size} ${props.side ? `side-${props.side}` : ''}`}
      aria-sort={active ? (sort.ascending ? 'ascending' : 'descending') : undefined}
    >
      <button
        type="button"
        title={props.hint}
        onClick={() => change({ sort: formatSort({ column, ascending }) })}
      >
        {props.title}
        <span class="sort-mark" aria-hidden="true">
          {active ? (sort.ascending ? '↑' : '↓') : ''}
        </span>
      </button>
    </th>
  )
}
