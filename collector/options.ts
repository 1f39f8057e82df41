import { hostname } from 'node:os'
import { z } from 'zod'
import { LABEL_LIMITS } from '../infra/contract/labels.ts'
import type { OptionValues } from '../infra/runtime/options.ts'
import { defineOptions } from '../infra/runtime/options.ts'
import { serverOptions } from '../infra/runtime/server-options.ts'
import { MOST_HOOKS } from './kernel/sample-layout.ts'
import { HOOK_NOTATION, parseHook } from './kernel/sources/hook-name.ts'
import { durationMs, durationNs, integer, list, sizeBytes } from './option-schemas.ts'
import { cleanValue } from './process/process-labels.ts'
import { LINE_TOOLS } from './symbolize/lines/line-tool-names.ts'

export const collectorOptions = defineOptions({
  ...serverOptions,
  host: {
    flag: '--host <name>',
    schema: z
      .string()
      .default(hostname)
      .transform(cleanValue)
      .pipe(
        z
          .string()
          .min(1, 'expected a name')
          .max(255, `expected at most 255 of the ${LABEL_LIMITS.valueBytes} bytes of a label`),
      ),
    help: 'Label `host` of all profiles; the name of the machine if not given.',
  },
  frequency: {
    flag: '--frequency <hertz>',
    schema: integer(1, 9_999),
    default: '99',
    help: 'Samples per second and CPU; 99 costs well under 0.1 % of a core and beats with no timer.',
  },
  window: {
    flag: '--window <duration>',
    schema: durationMs(1_000, 300_000),
    default: '10s',
    help: 'Time that one batch covers, from 1s to 5m.',
  },
  spool: {
    flag: '--spool <directory>',
    schema: z.string().min(1, 'expected a directory').optional(),
    help: 'Where batches wait for the server; /var/lib/flamewatch/spool, or ~/.local/state/flamewatch/spool if not root.',
  },
  spoolBytes: {
    flag: '--spool-bytes <size>',
    schema: sizeBytes(1 << 20, 2 ** 40),
    default: '256MB',
    help: 'Most that waits there; beyond it the oldest is given up and counted. The default holds about a day of an idle host, some hours of a busy one.',
  },
  spoolAge: {
    flag: '--spool-age <duration>',
    schema: durationMs(60_000, 7 * 24 * 3_600_000),
    default: '7d',
    help: 'Longest that a batch waits there, from 1m; older than 7d it would not be accepted.',
  },
  catchUp: {
    flag: '--catch-up <factor>',
    schema: integer(2, 1_000),
    default: '10',
    help: 'How many times faster than they were taken batches are sent after an outage: by 10, an hour in 6 minutes; what a returning fleet can bear.',
  },
  symbolCacheBytes: {
    flag: '--symbol-cache-bytes <size>',
    schema: sizeBytes(1 << 20, 2 ** 34),
    default: '32MB',
    help: 'Memory for symbols; what does not fit is read from its file again when it is needed.',
  },
  lines: {
    flag: '--lines <how>',
    schema: z.enum(
      ['off', 'auto', ...LINE_TOOLS],
      `expected off, auto, ${LINE_TOOLS.join(' or ')}`,
    ),
    default: 'off',
    help: 'Source lines and inlined functions of native code, from debug information on this host, read by a program of its own: llvm-symbolizer, addr2line, or auto for the first that is installed. Go has both without.',
  },
  unwind: {
    flag: '--unwind <how>',
    schema: z.enum(['tables', 'frame-pointers'], 'expected tables or frame-pointers'),
    default: 'tables',
    help: 'How user stacks are walked: by the unwind tables of programs, where the kernel can (5.17 and BTF), or by frame pointers alone.',
  },
  unwindTableBytes: {
    flag: '--unwind-table-memory <size>',
    schema: sizeBytes(1 << 20, 2 ** 32),
    default: '64MB',
    help: 'Kernel memory for unwind tables; what does not fit is walked by frame pointers. Node takes 3 MB, the C library 0.2 MB.',
  },
  maxMemory: {
    flag: '--max-memory <size>',
    schema: sizeBytes(32 << 20, 2 ** 40),
    default: '512MB',
    help: 'Memory of the collector, in its process and in the kernel, that it stays below: its caches are cut, then it samples half as often. With the default caches it takes up to about 270 MB.',
  },
  maxCpu: {
    flag: '--max-cpu <percent>',
    schema: integer(1, 100_000),
    default: '50',
    help: 'Processor time of the collector, in percent of one core over half a minute, that it stays below: it samples half as often.',
  },
  hostRoot: {
    flag: '--host-root <directory>',
    schema: z.string().startsWith('/', 'expected an absolute path').optional(),
    help: 'Where the file system of the host is mounted, for a collector in a container; not given, what container runtimes wrote is looked for here and through the first process of the host.',
  },
  onlyCgroup: {
    flag: '--only-cgroup <path|id>',
    schema: z.string().min(1, 'expected the path or the id of a cgroup').optional(),
    help: 'Samples only what is in this cgroup (cgroup2) or below it; of a path as /proc/PID/cgroup has it, or a directory.',
  },
  onlyPid: {
    flag: '--only-pid <pid,…>',
    schema: list('expected process ids').pipe(z.array(integer(1, 4_194_304))),
    repeatable: true,
    help: 'Samples only these processes, all their threads but not their children (which --only-cgroup has).',
  },
  excludeComm: {
    flag: '--exclude-comm <name,…>',
    schema: list('expected names of threads'),
    repeatable: true,
    help: 'Samples no thread of this name, as `ps -eLo comm` shows it (15 bytes).',
  },
  offCpu: {
    flag: '--off-cpu',
    schema: z.boolean().default(false),
    help: 'Also measures where threads wait, as a profile type of its own. Needs BTF of the kernel.',
  },
  offCpuThreshold: {
    flag: '--off-cpu-threshold <duration>',
    schema: durationNs(0, 3_600e9),
    default: '1ms',
    help: 'A wait that is shorter is not counted: it takes longer to look at than it lasts.',
  },
  event: {
    flag: '--event <hook>',
    schema: list(HOOK_NOTATION)
      .transform((hooks, context) =>
        hooks.flatMap((text) => {
          const hook = parseHook(text)
          if (hook === null) context.addIssue({ code: 'custom', message: HOOK_NOTATION })
          return hook === null ? [] : [hook]
        }),
      )
      .refine((hooks) => hooks.length <= MOST_HOOKS, `expected at most ${MOST_HOOKS} hooks`),
    repeatable: true,
    help: 'Also counts the stacks that come by a hook, as a profile type of its own: tracepoint:CATEGORY:NAME, kprobe:FUNCTION or uprobe:PATH:FUNCTION; may be given several times.',
  },
  batchBytes: {
    flag: '--batch-bytes <size>',
    schema: sizeBytes(64 << 10, 2 ** 30),
    default: '16MB',
    help: 'Largest batch before compression; a window with more is sent in parts.',
  },
})

export type CollectorOptions = OptionValues<typeof collectorOptions>
