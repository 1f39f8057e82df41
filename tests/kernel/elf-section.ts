/** Where a section of a little-endian ELF64 file lies. Throws when there is none of that name. */
export function sectionOf(file: Buffer, name: string): { offset: number; size: number } {
  const table = Number(file.readBigUInt64LE(0x28))
  const entryBytes = file.readUInt16LE(0x3a)
  const count = file.readUInt16LE(0x3c)
  const entry = (i: number) => {
    const at = table + i * entryBytes
    return {
      name: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 0x18)),
      size: Number(file.readBigUInt64LE(at + 0x20)),
    }
  }
  const names = entry(file.readUInt16LE(0x3e)).offset
  for (let i = 0; i < count; i++) {
    const section = entry(i)
    const at = names + section.name
    if (file.toString('latin1', at, file.indexOf(0, at)) === name) return section
  }
  throw new Error(`no section ${name}`)
}
