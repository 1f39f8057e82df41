import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  objectName,
  readBpfObject,
  readObjectRecord,
  sourceHash,
} from '../../collector/kernel/bpf-object.ts'
import { sectionOf } from './elf-section.ts'
import { temporaryDirectory } from './programs.ts'

const BPF = fileURLToPath(new URL('../../bpf/', import.meta.url))
const CHECKED_IN = join(BPF, 'objects')
const VARIANTS = ['profile', 'profile-nobtf', 'profile-tables'] as const
const PROCESSORS = ['x64', 'arm64']
const OBJECTS = new Set(VARIANTS.flatMap((v) => PROCESSORS.map((p) => objectName(v, p))))
const directory = temporaryDirectory()

test('the checked-in objects come from the present sources (else: sh bpf/build.sh --record)', () => {
  expect(readObjectRecord(CHECKED_IN).sources).toBe(sourceHash())
})

test('the checked-in objects are those that were recorded', () => {
  for (const variant of VARIANTS)
    for (const processor of PROCESSORS)
      expect(readBpfObject(variant, CHECKED_IN, processor)).toBeInstanceOf(Buffer)
})

test('the present sources compile, to the checked-in code where the compiler is the same', (context) => {
  execFileSync('sh', [join(BPF, 'build.sh')], { env: { ...process.env, OUTPUT: directory } })
  const built = readObjectRecord(directory)
  expect(built.sources).toBe(sourceHash())
  const recorded = readObjectRecord(CHECKED_IN)
  for (const object of OBJECTS) {
    const code = codeOf(directory, object)
    expect(code[0]?.length).toBeGreaterThan(0)
    if (built.compiler !== recorded.compiler) continue
    expect(code).toEqual(codeOf(CHECKED_IN, object))
  }
  if (built.compiler !== recorded.compiler)
    context.skip(`compiled, not compared: ${built.compiler} here, ${recorded.compiler} recorded`)
})

test('the object for kernels without BTF needs no field of the kernel moved', () => {
  expect(fieldRelocations('profile')).toBeGreaterThan(0)
  expect(fieldRelocations('profile-nobtf')).toBe(0)
})

function codeOf(from: string, object: string): Buffer[] {
  const file = readFileSync(join(from, object))
  const functions = object.includes('tables') ? ['.text', '.rel.text'] : []
  return ['perf_event', '.relperf_event', ...functions].map((name) => {
    const { offset, size } = sectionOf(file, name)
    return file.subarray(offset, offset + size)
  })
}

/** Bytes of CO-RE relocations: the last length in the header of .BTF.ext. */
function fieldRelocations(variant: string): number {
  const file = readFileSync(join(CHECKED_IN, `${variant}.bpf.o`))
  const { offset } = sectionOf(file, '.BTF.ext')
  const headerBytes = file.readUInt32LE(offset + 4)
  return headerBytes < 32 ? 0 : file.readUInt32LE(offset + 28)
}
