import fs from 'node:fs'
import { KERNEL_MODULE, moduleOfFile } from '../../infra/contract/profile.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { openMapped } from '../process/mapped-file.ts'
import type { Mapping, Mappings } from '../process/mappings.ts'
import { type ByteSource, FileSource, MemorySource } from './byte-source.ts'
import { vaddrOf } from './elf.ts'
import type { Frame } from './frame.ts'
import { contentKey, type Image, loadImage, readElf } from './image.ts'
import { type Kallsyms, readKallsyms } from './kallsyms.ts'
import { type PerfMapFile, readPerfMap } from './perf-map.ts'
import { cleanName } from './readable-name.ts'
import { readVdso } from './vdso.ts'

export type SymbolizerOptions = {
  /** Bound of the symbol tables and frames kept. */
  readonly cacheBytes: number
  readonly log: Log
}

export type SampledProcess = { readonly pid: number; readonly mappings: Mappings | null }

// A mapped file as processes see it: its frames by file offset.
type CodeFile = {
  readonly path: string
  readonly imageKey: string
  readonly frames: Map<number, Frame>
}

const UNKNOWN: Frame = {
  name: '[unknown]',
  systemName: '',
  file: '',
  line: 0,
  mapping: '[unknown]',
  buildId: '',
  address: 0n,
  threadStart: false,
}

export class Symbolizer {
  readonly #options: SymbolizerOptions
  readonly #images = new Map<string, Image>()
  readonly #files = new Map<string, CodeFile>()
  readonly #byMapping = new WeakMap<Mapping, CodeFile>()
  readonly #perfMaps = new Map<number, { file: PerfMapFile | null; frames: Map<number, Frame> }>()
  #kernel: Kallsyms | null = null
  readonly #kernelFrames = new Map<bigint, Frame>()

  constructor(options: SymbolizerOptions) {
    this.#options = options
    this.#kernel = readKallsyms()
  }

  user(process: SampledProcess, address: bigint, isLeaf: boolean): Frame {
    const at = Number(address) - (isLeaf ? 0 : 1)
    const mapping = process.mappings?.find(at) ?? null
    if (mapping === null) return UNKNOWN
    if (mapping.kind === 'anonymous') return this.#jit(process.pid, at)
    let file = this.#byMapping.get(mapping)
    if (file === undefined) {
      file = this.#resolve(process.pid, mapping)
      this.#byMapping.set(mapping, file)
    }
    const offset = at - mapping.start + mapping.offset
    let frame = file.frames.get(offset)
    if (frame === undefined) {
      frame = this.#make(process.pid, mapping, file, offset)
      file.frames.set(offset, frame)
    }
    return frame
  }

  kernel(address: bigint, isLeaf: boolean): Frame {
    const at = isLeaf ? address : address - 1n
    let frame = this.#kernelFrames.get(at)
    if (frame === undefined) {
      const symbol = this.#kernel?.find(at) ?? null
      frame = {
        ...UNKNOWN,
        name: symbol === null ? KERNEL_MODULE : cleanName(symbol.name),
        systemName: symbol?.name ?? '',
        mapping: symbol?.module ?? KERNEL_MODULE,
        address: at,
        threadStart: symbol?.name.startsWith('ret_from_fork') ?? false,
      }
      this.#kernelFrames.set(at, frame)
    }
    return frame
  }

  refresh(): void {}

  stats(): { images: number; bytes: number; files: number; frames: number } {
    let bytes = 0
    for (const image of this.#images.values()) bytes += image.bytes
    let frames = 0
    for (const file of this.#files.values()) frames += file.frames.size
    return { images: this.#images.size, bytes, files: this.#files.size, frames }
  }

  #resolve(pid: number, mapping: Mapping): CodeFile {
    if (mapping.kind === 'vdso') return this.#vdso(mapping)
    const opened = openMapped(pid, mapping)
    if (opened.kind === 'fault') return { path: mapping.path, imageKey: '', frames: new Map() }
    try {
      const key = `${opened.identity}:${mapping.path}`
      const known = this.#files.get(key)
      if (known !== undefined) return known
      const source = new FileSource(opened.fd, opened.sizeBytes)
      const file = this.#addFile(source, mapping.path)
      this.#files.set(key, file)
      return file
    } finally {
      fs.closeSync(opened.fd)
    }
  }

  #addFile(source: ByteSource, path: string): CodeFile {
    const elf = readElf(source)
    if (elf.kind === 'fault') {
      this.#options.log.debug({ path, reason: elf.reason }, 'no symbols')
      return { path, imageKey: '', frames: new Map() }
    }
    const imageKey = contentKey(source, elf)
    if (!this.#images.has(imageKey))
      this.#images.set(imageKey, loadImage(source, elf, moduleOfFile(path)))
    return { path, imageKey, frames: new Map() }
  }

  #vdso(mapping: Mapping): CodeFile {
    const known = this.#files.get('[vdso]')
    if (known !== undefined) return known
    const bytes = readVdso()
    const file: CodeFile =
      bytes === null || bytes.length !== mapping.end - mapping.start
        ? { path: '[vdso]', imageKey: '', frames: new Map() }
        : this.#addFile(new MemorySource(bytes), '[vdso]')
    this.#files.set('[vdso]', file)
    return file
  }

  #make(pid: number, mapping: Mapping, file: CodeFile, offset: number): Frame {
    const image = this.#images.get(file.imageKey)
    const vaddr = image === undefined ? null : vaddrOf(image.elf, offset)
    const module = cleanName(moduleOfFile(file.path))
    const base = { ...UNKNOWN, mapping: file.path }
    if (image === undefined || vaddr === null)
      return { ...base, name: `${module}+0x${offset.toString(16)}`, address: BigInt(offset) }
    const closers: (() => void)[] = []
    const name = image.nameAt(vaddr, () => {
      const opened = openMapped(pid, mapping)
      if (opened.kind === 'fault') return null
      closers.push(() => fs.closeSync(opened.fd))
      return new FileSource(opened.fd, opened.sizeBytes)
    })
    for (const close of closers) close()
    return {
      ...base,
      name: name.kind === 'name' ? name.name : `${module}+0x${name.vaddr.toString(16)}`,
      systemName: name.kind === 'name' ? name.systemName : '',
      buildId: image.elf.buildId,
      address: BigInt(vaddr),
      threadStart: image.isThreadStart(vaddr, name),
    }
  }

  #jit(pid: number, at: number): Frame {
    let entry = this.#perfMaps.get(pid)
    if (entry === undefined) {
      entry = { file: readPerfMap(pid, null), frames: new Map() }
      this.#perfMaps.set(pid, entry)
    }
    let frame = entry.frames.get(at)
    if (frame === undefined) {
      const name = entry.file?.map.find(at) ?? null
      frame = {
        ...UNKNOWN,
        name: name === null ? '[jit]' : cleanName(name),
        systemName: name === null ? '' : cleanName(name),
        mapping: '[jit]',
        address: BigInt(at),
      }
      entry.frames.set(at, frame)
    }
    return frame
  }
}
