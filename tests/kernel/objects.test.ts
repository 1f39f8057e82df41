import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readBpfObject, readObjectRecord, sourceHash } from '../../collector/kernel/bpf-object.ts'
import { sectionOf } from './elf-section.ts'
import { temporaryDirectory } from './programs.ts'

const BPF = fileURLToPath(new URL('../../bpf/', import.meta.url))
const CHECKED_IN = join(BPF, 'objects')
const VARIANTS = ['profile', 'profile-nobtf'] as const
const directory = temporaryDirectory()

test('the checked-in objects come from the present sources (else: sh bpf/build.sh --record)', () => {
  expect(readObjectRecord(CHECKED_IN).sources).toBe(sourceHash())
})

test('the checked-in objects are those that were recorded', () => {
  for (const variant of VARIANTS) expect(readBpfObject(variant, CHECKED_IN)).toBeInstanceOf(Buffer)
})

test('the present sources compile, to the checked-in code where the compiler is the same', (context) => {
  execFileSync('sh', [join(BPF, 'build.sh')], { env: { ...process.env, OUTPUT: directory } })
  const built = readObjectRecord(directory)
  expect(built.sources).toBe(sourceHash())
  const recorded = readObjectRecord(CHECKED_IN)
  for (const variant of VARIANTS) {
    const [code, relocations] = codeOf(directory, variant)
    expect(code.length).toBeGreaterThan(0)
    if (built.compiler !== recorded.compiler) continue
    expect([code, relocations]).toEqual(codeOf(CHECKED_IN, variant))
  }
  if (built.compiler !== recorded.compiler)
    context.skip(`compiled, not compared: ${built.compiler} here, ${recorded.compiler} recorded`)
})

test('the object for kernels without BTF needs no field of the kernel moved', () => {
  expect(fieldRelocations('profile')).toBeGreaterThan(0)
  expect(fieldRelocations('profile-nobtf')).toBe(0)
})

function codeOf(from: string, variant: string): [Buffer, Buffer] {
  const file = readFileSync(join(from, `${variant}.bpf.o`))
  const bytes = (name: string) => {
    const { offset, size } = sectionOf(file, name)
    return file.subarray(offset, offset + size)
  }
  return [bytes('perf_event'), bytes('.relperf_event')]
}

/** Bytes of CO-RE relocations: the last length in the header of .BTF.ext. */
function fieldRelocations(variant: string): number {
  const file = readFileSync(join(CHECKED_IN, `${variant}.bpf.o`))
  const { offset } = sectionOf(file, '.BTF.ext')
  const headerBytes = file.readUInt32LE(offset + 4)
  return headerBytes < 32 ? 0 : file.readUInt32LE(offset + 28)
}
