import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { EVENT_PERIOD } from '../../../infra/contract/profile.ts'
import { errorMessage, FlamewatchError } from '../../../infra/runtime/errors.ts'
import { FileSource } from '../../symbolize/byte-source.ts'
import { readElf } from '../../symbolize/elf.ts'
import { BpfError, type BpfLink, type BpfObject } from '../libbpf.ts'
import { closeFd } from '../libc.ts'
import { openTracepoint } from '../perf-event.ts'
import { SOURCE } from '../sample-layout.ts'
import { listFunctions } from './function-offset.ts'
import { formatHook, type HookName, sampleTypeOf } from './hook-name.ts'
import { nearNames } from './near-names.ts'
import type { SampleSource } from './source.ts'
import { listTracepoints, readTracepointId, withTracefs } from './tracefs.ts'

/** Threads that come by the `index`th hook; a value is how often they did. */
export function hookSource(hook: HookName, index: number): SampleSource {
  const number = SOURCE.hook + index
  return {
    number,
    kind: {
      sample: { type: sampleTypeOf(hook), unit: EVENT_PERIOD.unit },
      period: { type: EVENT_PERIOD, value: 1 },
    },
    program: hook.kind === 'tracepoint' ? 'on_tracepoint' : 'on_probe',
    attach(object) {
      const link = attach(object, hook, BigInt(number))
      return { follow: () => undefined, close: () => link.destroy() }
    },
  }
}

function attach(object: BpfObject, hook: HookName, cookie: bigint): BpfLink {
  const place = findPlace(hook)
  try {
    return place(object, cookie)
  } catch (cause) {
    if (!(cause instanceof BpfError)) throw cause
    throw explainAttachError(hook, cause)
  }
}

type Attach = (object: BpfObject, cookie: bigint) => BpfLink

/** Throws `option_invalid` for a name that is none here, with those that are near it. */
function findPlace(hook: HookName): Attach {
  switch (hook.kind) {
    case 'tracepoint':
      return findTracepoint(hook)
    case 'kprobe':
      return findKernelFunction(hook)
    case 'uprobe':
      return findFunction(hook)
  }
}

function findTracepoint(hook: Extract<HookName, { kind: 'tracepoint' }>): Attach {
  const { category, name } = hook
  const found = withTracefs((tracefs) => {
    const id = readTracepointId(tracefs, category, name)
    if (id === null) throw noSuchHook(hook, `${category}:${name}`, listTracepoints(tracefs))
    return id
  })
  if (found === null)
    throw new FlamewatchError(
      'kernel_unsupported',
      `${formatHook(hook)}: tracefs is not mounted.`,
      {
        hint: 'Type: sudo mount -t tracefs none /sys/kernel/tracing (and mount it into a container).',
      },
    )
  return (object, cookie) => {
    const fd = openTracepoint(found)
    try {
      return object.attachPerfEvent('on_tracepoint', fd, cookie)
    } catch (error) {
      closeFd(fd)
      throw error
    }
  }
}

const KPROBES = '/sys/bus/event_source/devices/kprobe/type'

function findKernelFunction(hook: Extract<HookName, { kind: 'kprobe' }>): Attach {
  if (!existsSync(KPROBES))
    throw new FlamewatchError(
      'kernel_unsupported',
      `${formatHook(hook)}: this kernel has no kprobes (CONFIG_KPROBE_EVENTS is not set).`,
      { hint: 'Use a tracepoint, a uprobe, or a kernel that has them.' },
    )
  const names = new Set<string>()
  for (const [, name = ''] of readFileSync('/proc/kallsyms', 'latin1').matchAll(KERNEL_FUNCTION))
    names.add(name)
  if (!names.has(hook.function)) throw noSuchHook(hook, hook.function, names)
  return (object, cookie) => object.attachKprobe('on_probe', hook.function, cookie)
}

// `ffffffff81000000 T _stext`, for modules with ` [name]` behind it.
const KERNEL_FUNCTION = /^[0-9a-f]+ [tTwW] (\S+)/gm

function findFunction(hook: Extract<HookName, { kind: 'uprobe' }>): Attach {
  const names = new Set<string>()
  const offsets = new Set<number>()
  const fd = openFile(hook)
  try {
    const { size } = fstatSync(fd)
    const source = new FileSource(fd, size)
    const elf = readElf(source)
    if (elf.kind === 'fault') throw wrongFile(hook, `is no ELF file (${elf.reason})`)
    for (const { name, offset } of listFunctions(source, elf)) {
      names.add(name)
      if (name === hook.function) offsets.add(offset)
    }
  } finally {
    closeSync(fd)
  }
  const [offset] = offsets
  if (names.size === 0) throw wrongFile(hook, 'names no functions: it is stripped')
  if (offset === undefined) throw noSuchHook(hook, hook.function, names)
  return (object, cookie) => object.attachUprobe('on_probe', hook.path, offset, cookie)
}

function openFile(hook: Extract<HookName, { kind: 'uprobe' }>): number {
  try {
    return openSync(hook.path, 'r')
  } catch (cause) {
    throw wrongFile(hook, 'cannot be read', cause)
  }
}

function wrongFile(hook: HookName, why: string, cause?: unknown): FlamewatchError {
  return new FlamewatchError('option_invalid', `${formatHook(hook)}: the file ${why}.`, {
    hint: 'Name a program or library as the host sees it; of a container: /proc/PID/root/PATH.',
    cause,
  })
}

function noSuchHook(hook: HookName, wrong: string, names: Iterable<string>): FlamewatchError {
  const near = nearNames(wrong, names)
  const hint =
    near.length > 0 ? `Near it: ${near.join(', ')}.` : 'There is none with a name like it.'
  return new FlamewatchError('option_invalid', `${formatHook(hook)}: there is no ${wrong}.`, {
    hint,
  })
}

const ENOTSUP = 95

function explainAttachError(hook: HookName, cause: BpfError): FlamewatchError {
  if (cause.errno === ENOTSUP)
    return new FlamewatchError(
      'kernel_unsupported',
      `${formatHook(hook)}: hooks are not supported by this kernel (they need 5.15).`,
      { hint: 'Run without --event.', cause },
    )
  return new FlamewatchError(
    'perf_event',
    `${formatHook(hook)}: the kernel did not attach to it. ${errorMessage(cause)}`,
    {
      hint: 'Functions that probes themselves use, and those in the middle of which they would stand, may not be probed.',
      cause,
    },
  )
}
