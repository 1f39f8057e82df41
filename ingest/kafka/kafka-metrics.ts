import type { Metrics } from '../../infra/runtime/metrics.ts'

export type KafkaMetrics = ReturnType<typeof createKafkaMetrics>

export function createKafkaMetrics(metrics: Metrics) {
  return {
    lag: metrics.gauge(
      'flamewatch_kafka_lag_messages',
      'Messages of a partition of this process that are not stored yet',
      ['partition'],
    ),
    paused: metrics.gauge(
      'flamewatch_kafka_paused_partitions',
      'Partitions not fetched from because what was fetched is not stored yet',
    ),
    assignments: metrics.counter(
      'flamewatch_kafka_assignments_total',
      'Generations of the consumer group this process took part in',
    ),
    ranges: metrics.counter(
      'flamewatch_kafka_ranges_total',
      'Ranges of offsets stored, by one insert each',
    ),
    replays: metrics.counter(
      'flamewatch_kafka_replays_total',
      'Ranges found begun at the start of a tenure, and completed',
    ),
    failures: metrics.counter(
      'flamewatch_kafka_failures_total',
      'Tries that failed and were repeated, by step',
      ['step'],
    ),
    dead: metrics.counter(
      'flamewatch_kafka_dead_letters_total',
      'Messages sent to the topic of dead letters, by reason',
      ['reason'],
    ),
    expired: metrics.counter(
      'flamewatch_kafka_expired_messages_total',
      "Messages the topic's retention removed before they were read",
    ),
  }
}
