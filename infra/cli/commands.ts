import type { Command } from './command.ts'

type Entry = {
  /** One sentence, for --help and the README. */
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** Every command, in the order --help and the README show them. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  up: {
    summary: 'Profile this machine: collector, store, query and page in one go.',
    load: async () => (await import('./up.ts')).command,
  },
  demo: {
    summary: 'Show a simulated fleet with two deploys and a planted regression.',
    load: async () => (await import('./demo/demo.ts')).command,
  },
  collect: {
    summary: 'Sample this host and send what was taken to a server.',
    load: async () => (await import('./collect.ts')).command,
  },
  ingest: {
    summary: 'Take profiles of a fleet in and store them.',
    load: async () => (await import('./ingest.ts')).command,
  },
  serve: {
    summary: 'Serve page and API of a fleet from its store.',
    load: async () => (await import('./serve.ts')).command,
  },
  migrate: {
    summary: 'Bring the schema of a store up to date, or show what that takes.',
    load: async () => (await import('./migrate.ts')).command,
  },
  'dead-letters': {
    summary: 'Show what ingest could not read from Kafka, and send it again.',
    load: async () => (await import('./dead-letters.ts')).command,
  },
  push: {
    summary: 'Send pprof files to a server.',
    load: async () => (await import('./push.ts')).command,
  },
  diff: {
    summary: 'Compare the functions of two selectors on a running server.',
    load: async () => (await import('./diff.ts')).command,
  },
  audit: {
    summary: 'Compare what collectors say they sent with what is stored.',
    load: async () => (await import('./audit.ts')).command,
  },
  regressions: {
    summary: 'Ask whether a version of a service got slower, and end with the answer.',
    load: async () => (await import('./regressions/regressions.ts')).command,
  },
}
