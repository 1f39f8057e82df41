import { FlamewatchError } from '../runtime/errors.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Store } from './store.ts'

const SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]

/** The same store, with its times, rows and errors in `metrics`. */
export function meterStore(store: Store, metrics: Metrics): Store {
  const seconds = metrics.histogram(
    'flamewatch_store_seconds',
    'Time of a statement, waiting for a connection included.',
    SECONDS,
    ['operation'],
  )
  const errors = metrics.counter(
    'flamewatch_store_errors_total',
    'Statements that threw, by code.',
    ['operation', 'code'],
  )
  const rows = metrics.counter(
    'flamewatch_store_inserted_rows_total',
    'Rows acknowledged, by table.',
    ['table'],
  )

  async function metered<T>(operation: string, work: Promise<T>): Promise<T> {
    const stop = seconds.startTimer({ operation })
    try {
      return await work
    } catch (error) {
      errors.inc({ operation, code: error instanceof FlamewatchError ? error.code : 'internal' })
      throw error
    } finally {
      stop()
    }
  }

  return {
    kind: store.kind,
    rows: (statement, options) => metered('rows', store.rows(statement, options)),
    binary: (statement, options) => metered('binary', store.binary(statement, options)),
    run: (statement, options) => metered('run', store.run(statement, options)),
    insert: async (table, block, token) => {
      await metered('insert', store.insert(table, block, token))
      rows.inc({ table }, block.rows)
    },
    ping: () => metered('ping', store.ping()),
    close: () => store.close(),
  }
}
