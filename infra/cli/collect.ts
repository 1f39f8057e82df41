import { collectorOptions } from '../../collector/options.ts'
import { kafkaOptions } from '../kafka/options.ts'
import { FlamewatchError } from '../runtime/errors.ts'
import { type Metrics, ownMetrics } from '../runtime/metrics.ts'
import type { CollectorMetricsReport, CollectorReport } from './collector-process.ts'
import { ASK_METRICS } from './collector-process.ts'
import { defineCommand, EXIT } from './command.ts'
import { collectOptions } from './options.ts'

/** `flamewatch collect`; under `up` it says over IPC how it is. */
export const command = defineCommand({
  options: { ...collectorOptions, ...kafkaOptions, ...collectOptions },
  async run({ options, log, metrics, lifecycle, print, tell }) {
    if (options.dryRun) {
      const { describeHost } = await import('../../collector/main.ts')
      const { lines, canSample } = await describeHost(options, options.format)
      for (const line of lines) print(line)
      return canSample ? EXIT.ok : EXIT.failure
    }
    await report({ state: 'starting' })
    // A collector whose `up` was killed has nobody left to send to.
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
    answerMetrics(metrics)
    let to = ''
    try {
      if (options.metrics !== undefined) {
        const { serveMetrics } = await import('../../collector/main.ts')
        const server = await serveMetrics(metrics, options.metrics, options.insecure)
        tell(`metrics are at ${lifecycle.add('metrics', server).url}`)
      }
      const { collect, destination } = await import('../../collector/main.ts')
      to = destination(options)
      await collect(options, { log: log.child({ room: 'collector' }), metrics, lifecycle, tell })
    } catch (error) {
      await lifecycle.close()
      // Anything else is a crash, which `up` answers by starting it again.
      const forGood = error instanceof FlamewatchError && !error.retriable
      if (!process.send || !forGood) throw error
      const { hint } = error
      await report({ state: 'failed', message: error.message, ...(hint && { hint }), final: true })
      return EXIT.failure
    }
    const stopped = lifecycle.untilSignal()
    await report({ state: 'sampling' })
    if (!process.send) tell(`sampling this machine, sending to ${to}`)
    await stopped
    return EXIT.ok
  },
})

/** To `flamewatch up`, which shows them beside its own. */
function answerMetrics(metrics: Metrics): void {
  if (!process.send) return
  process.on('message', (message: unknown) => {
    if (message !== ASK_METRICS) return
    void ownMetrics(metrics).then((text) => {
      process.send?.({ metrics: text } satisfies CollectorMetricsReport)
    })
  })
}

function report(state: CollectorReport): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(state, () => resolve())
    else resolve()
  })
}
