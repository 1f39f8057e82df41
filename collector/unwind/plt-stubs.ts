import { type Elf, EM_X86_64 } from '../symbolize/elf.ts'

export type AddressRange = { readonly start: number; readonly end: number }

const STUB_BYTES = 16

/**
 * The stubs through which a file calls other files, sorted; addresses are relative to `base`. Their rules are
 * known without .eh_frame, where linkers do not write them: for arm64, and lld for any processor.
 */
export function pltStubs(elf: Elf, base: number): AddressRange[] {
  // On x86-64 what all stubs jump to is of another form; it runs once for each of them.
  const resolver = elf.machine === EM_X86_64 ? STUB_BYTES : 0
  return elf.sections
    .filter(({ name }) => name === '.plt' || name === '.iplt')
    .map(({ name, vaddr, sizeBytes }) => ({
      start: vaddr - base + (name === '.plt' ? resolver : 0),
      end: vaddr - base + sizeBytes,
    }))
    .filter(({ start, end }) => start > 0 && end > start && end < 2 ** 32)
    .sort((a, b) => a.start - b.start)
}
