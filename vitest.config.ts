import { defineConfig } from 'vitest/config'

// Test processes take it over; see infra/cli/flamewatch.sh.
process.env['UV_THREADPOOL_SIZE'] ??= '16'

// What measures or drives this very machine: one file at a time, apart from everything else, so that two
// samplers or two browsers never share the cores.
const MACHINE = ['tests/{kernel,e2e}/**/*.test.ts']

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'rooms',
          include: ['**/*.test.{ts,tsx}'],
          exclude: ['node_modules/**', ...MACHINE],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'machine',
          include: MACHINE,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
