import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { HOOK_KINDS, MAX_TYPE_PART } from '../../../infra/contract/profile.ts'

/** A place in the kernel or in programs where a sample is taken whenever a thread comes by. */
export type HookName =
  | { readonly kind: 'tracepoint'; readonly category: string; readonly name: string }
  | { readonly kind: 'kprobe'; readonly function: string }
  /** `path` is the file of a program or library, in the file system of the host. */
  | { readonly kind: 'uprobe'; readonly path: string; readonly function: string }

export const HOOK_NOTATION =
  'expected tracepoint:CATEGORY:NAME, kprobe:FUNCTION or uprobe:PATH:FUNCTION'

/** Bpftrace's notation; null when `text` is none. Function names may have colons, paths may not. */
export function parseHook(text: string): HookName | null {
  const [kind, first = '', ...rest] = text.split(':')
  const second = rest.join(':')
  switch (HOOK_KINDS.find((known) => known === kind)) {
    case 'tracepoint':
      return /^\w+$/.test(first) && /^\w+$/.test(second)
        ? { kind: 'tracepoint', category: first, name: second }
        : null
    case 'kprobe':
      return /^[\w.]+$/.test(first) && rest.length === 0
        ? { kind: 'kprobe', function: first }
        : null
    case 'uprobe':
      return first.startsWith('/') && second !== ''
        ? { kind: 'uprobe', path: first, function: second }
        : null
    case undefined:
      return null
  }
}

/** As the user wrote it. */
export function formatHook(hook: HookName): string {
  switch (hook.kind) {
    case 'tracepoint':
      return `tracepoint:${hook.category}:${hook.name}`
    case 'kprobe':
      return `kprobe:${hook.function}`
    case 'uprobe':
      return `uprobe:${hook.path}:${hook.function}`
  }
}

/** The sample type of a hook, which is a part of a profile type: `uprobe/libc.so.6/malloc`. */
export function sampleTypeOf(hook: HookName): string {
  const parts =
    hook.kind === 'tracepoint'
      ? [hook.category, hook.name]
      : hook.kind === 'kprobe'
        ? [hook.function]
        : [posix.basename(hook.path), hook.function]
  const type = [hook.kind, ...parts].join('/').replace(/[^A-Za-z0-9_./$+-]/g, '_')
  if (type.length <= MAX_TYPE_PART) return type
  // Mangled names are long, and differ at their ends.
  const hash = createHash('sha256').update(type).digest('hex').slice(0, 8)
  return `${type.slice(0, MAX_TYPE_PART - hash.length - 1)}.${hash}`
}
