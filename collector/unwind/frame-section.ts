import { type ByteSource, readExactly } from '../symbolize/byte-source.ts'
import { Cursor } from '../symbolize/call-frame.ts'
import { type Elf, PT_GNU_EH_FRAME, PT_LOAD, SHT_NOBITS } from '../symbolize/elf.ts'
import { readAddress } from './read-pointer.ts'

export type FrameSection = {
  readonly vaddr: number
  readonly offset: number
  readonly sizeBytes: number
  /** Its end is not known: a terminator is before `sizeBytes`. */
  readonly isOpen: boolean
}

/** Where .eh_frame is: by its name, else by the segment that points to it. */
export function findFrameSection(source: ByteSource, elf: Elf): FrameSection | null {
  const named = elf.sections.find((s) => s.name === '.eh_frame' && s.type !== SHT_NOBITS)
  if (named !== undefined) {
    const { vaddr, offset, sizeBytes } = named
    return { vaddr, offset, sizeBytes, isOpen: false }
  }
  const header = elf.segments.find(({ type }) => type === PT_GNU_EH_FRAME)
  const bytes = header === undefined ? null : readExactly(source, header.offset, 12)
  if (header === undefined || bytes === null || bytes[0] !== 1) return null
  const vaddr = readAddress(new Cursor(bytes, 4), bytes[1] as number, {
    vaddr: header.vaddr,
    base: 0,
  })
  const segment = elf.segments.find(
    (s) => s.type === PT_LOAD && vaddr >= s.vaddr && vaddr < s.vaddr + s.fileBytes,
  )
  if (segment === undefined) return null
  const offset = segment.offset + vaddr - segment.vaddr
  const sizeBytes = segment.offset + segment.fileBytes - offset
  return { vaddr, offset, sizeBytes, isOpen: true }
}
