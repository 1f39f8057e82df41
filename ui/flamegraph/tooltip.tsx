import type { Facts } from './facts.ts'

/** Facts as a small table: sides in columns, total and self in rows. */
export function FactsTable({ facts }: { facts: Facts }) {
  return (
    <>
      <p class="tip-name">
        <bdi>{facts.name}</bdi>
      </p>
      {facts.where !== '' && (
        <p class="tip-where">
          <bdi>{facts.where}</bdi>
        </p>
      )}
      <table class="tip-table">
        <thead>
          <tr>
            <td />
            {facts.sides.map((side) => (
              <th key={side.letter} scope="col" colSpan={2} class={`side-${side.letter}`}>
                {side.letter}
              </th>
            ))}
            {facts.change && <th scope="col">change</th>}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Total</th>
            {facts.sides.map((side) => (
              <Pair key={side.letter} share={side.cumShare} value={side.cum} />
            ))}
            {facts.change && <td>{facts.change.cum}</td>}
          </tr>
          <tr>
            <th scope="row">Self</th>
            {facts.sides.map((side) => (
              <Pair key={side.letter} share={side.flatShare} value={side.flat} />
            ))}
            {facts.change && <td>{facts.change.flat}</td>}
          </tr>
          {facts.sides[0]?.rate && (
            <tr>
              <th scope="row">Rate</th>
              {facts.sides.map((side) => (
                <td key={side.letter} colSpan={2}>
                  {side.rate}
                </td>
              ))}
              {facts.change && <td />}
            </tr>
          )}
        </tbody>
      </table>
      {facts.change && (
        <p class="tip-change">
          <strong>{facts.change.relative}</strong> {facts.change.confidence}
        </p>
      )}
    </>
  )
}

function Pair({ share, value }: { share: string; value: string }) {
  return (
    <>
      <td>{share}</td>
      <td class="quiet">{value}</td>
    </>
  )
}
