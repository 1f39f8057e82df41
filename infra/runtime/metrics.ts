import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  readonly registry: Registry
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>
  gauge<L extends string = never>(name: string, help: string, labels?: readonly L[]): Gauge<L>
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: readonly L[],
  ): Histogram<L>
}

/** One registry per process, handed down: the global one would be shared by tests. */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.process) collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    counter: (name, help, labels = []) =>
      new Counter({ name, help, labelNames: labels, registers }),
    gauge: (name, help, labels = []) => new Gauge({ name, help, labelNames: labels, registers }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames: labels, registers }),
  }
}

/** Flamewatch's own ones as text, without those every process has: to be shown beside another process's. */
export async function ownMetrics({ registry }: Metrics): Promise<string> {
  const names = registry.getMetricsAsArray().map(({ name }) => name)
  const own = names.filter((name) => name.startsWith('flamewatch_'))
  const texts = await Promise.all(own.map((name) => registry.getSingleMetricAsString(name)))
  return texts.map((text) => `${text}\n`).join('\n')
}
