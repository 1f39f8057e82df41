import { expect, it } from 'vitest'
import { PLANTED } from '../../infra/cli/demo/fleet.ts'
import type {
  AccountAnswer,
  ComparedFunctionsAnswer,
  DiffAnswer,
  ServicesAnswer,
} from '../../query/api.ts'
import { startServer } from '../fixtures/running-server.ts'

it('flamewatch demo shows the planted regression, marked as simulated', async () => {
  await using server = await startServer({ command: 'demo' })

  async function ask<T>(path: string): Promise<T> {
    const answer = await fetch(`${server.url}/api/v1/${path}`)
    expect(answer.status).toBe(200)
    return answer.json() as Promise<T>
  }

  const { services } = await ask<ServicesAnswer>('services?from=now-3h')
  expect(services.map(({ service }) => service).toSorted()).toEqual([
    'checkout',
    'search',
    'thumbnailer',
  ])
  expect(services.every(({ demo }) => demo)).toBe(true)
  expect(services.reduce((sum, { hosts }) => sum + hosts, 0)).toBe(20)
  const checkout = services.find(({ service }) => service === PLANTED.service)
  expect(checkout?.versions.map(({ version }) => version)).toEqual(['v2.9.0', 'v2.8.0', 'v2.7.3'])

  const side = (version: string) =>
    encodeURIComponent(`{service="${PLANTED.service}", version="${version}"}`)
  const pair = `a=${side(PLANTED.baseline)}&b=${side(PLANTED.candidate)}&from=now-3h`
  const { rows } = await ask<ComparedFunctionsAnswer>(`functions?${pair}&limit=1`)
  const { functions, nodes } = await ask<DiffAnswer>(`diff?${pair}&max_nodes=100000`)
  // What got slower most lies below the planted function.
  const worst = functions.findIndex(({ id }) => id === rows[0]?.function.id)
  const planted = functions.findIndex(({ name }) => name === PLANTED.function)
  let node = nodes.function.indexOf(worst)
  while (node > 0 && nodes.function[node] !== planted) node = nodes.parent[node] as number
  expect(node).toBeGreaterThan(0)

  const { total, missingBatches } = await ask<AccountAnswer>('account?from=now-3h')
  expect({ unaccounted: total.unaccounted, missingBatches }).toEqual({
    unaccounted: 0,
    missingBatches: 0,
  })
  expect(await server.stop()).toBe(0)
})
