import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FlamewatchError } from '../../infra/runtime/errors.ts'

// The compiled BPF programs: what bpf/build.sh left in bpf/.output when it belongs to the present
// sources, else the checked-in ones. RECORD beside the objects holds the hashes.

/** `profile-tables` walks user stacks by tables, the others by frame pointers. */
export type BpfVariant = 'profile' | 'profile-nobtf' | 'profile-tables'

const BPF_DIRECTORY = fileURLToPath(new URL('../../bpf/', import.meta.url))
const SOURCES = [
  'kernel.h',
  'sample.h',
  'unwind.h',
  'walk-state.bpf.h',
  'maps.bpf.h',
  'filter.bpf.h',
  'lookup.bpf.h',
  'registers.bpf.h',
  'leave.bpf.h',
  'walk.bpf.h',
  'user-stack.bpf.h',
  'take-sample.bpf.h',
  'cpu-clock.bpf.h',
  'off-cpu.bpf.h',
  'hooks.bpf.h',
  'profile.bpf.c',
]

export type ObjectRecord = {
  readonly sources: string
  readonly compiler: string
  readonly objects: Readonly<Record<string, string>>
}

/** Bytes of an object, checked against its recorded hash. Throws `bpf_object_damaged`. */
export function readBpfObject(
  variant: BpfVariant,
  directory = findObjectDirectory(),
  processor: string = process.arch,
): Uint8Array {
  const name = objectName(variant, processor)
  const path = join(directory, name)
  let bytes: Uint8Array
  let record: ObjectRecord
  try {
    bytes = readFileSync(path)
    record = readObjectRecord(directory)
  } catch (cause) {
    throw damaged(`The BPF object ${path} could not be read.`, cause)
  }
  if (sha256([bytes]) !== record.objects[name])
    throw damaged(`The BPF object ${path} differs from its recorded hash.`)
  return bytes
}

/** The file of a variant. Tables are walked from registers, so that object is one per processor. */
export function objectName(variant: BpfVariant, processor: string): string {
  return variant === 'profile-tables' ? `${variant}-${processor}.bpf.o` : `${variant}.bpf.o`
}

export function damaged(message: string, cause?: unknown): FlamewatchError {
  const hint =
    'Install Flamewatch again, or build the object: sh bpf/build.sh (needs clang, llvm, libbpf-dev).'
  return new FlamewatchError('bpf_object_damaged', message, { hint, cause })
}

export function readObjectRecord(directory: string): ObjectRecord {
  const facts = new Map<string, string>()
  for (const line of readFileSync(join(directory, 'RECORD'), 'utf8').split('\n')) {
    const space = line.indexOf(' ')
    if (space > 0) facts.set(line.slice(0, space), line.slice(space + 1))
  }
  const { sources = '', compiler = '', ...objects } = Object.fromEntries(facts)
  return { sources, compiler, objects }
}

/** Over the sources in the order of bpf/build.sh. */
export function sourceHash(directory = BPF_DIRECTORY): string {
  return sha256(SOURCES.map((name) => readFileSync(join(directory, name))))
}

function findObjectDirectory(): string {
  const built = join(BPF_DIRECTORY, '.output')
  const isCurrent =
    existsSync(join(built, 'RECORD')) && readObjectRecord(built).sources === sourceHash()
  return isCurrent ? built : join(BPF_DIRECTORY, 'objects')
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
