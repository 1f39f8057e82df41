import fs from 'node:fs'
import { GO_MODULE, moduleOfFile } from '../../infra/contract/profile.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { openMapped } from '../process/mapped-file.ts'
import type { Mapping } from '../process/mappings.ts'
import { type ByteSource, FileSource, MemorySource } from './byte-source.ts'
import { readElf, vaddrOf } from './elf.ts'
import type { Frame, SourceLine } from './frame.ts'
import { FRAME_BYTES, makeFrame } from './frames.ts'
import { contentKey, type Image, loadImage } from './image.ts'
import { ImageCache } from './image-cache.ts'
import { type FileTurn, type FramesOfFile, MAX_FAILURES } from './lines/source-lines.ts'
import { OpenFiles } from './open-files.ts'
import { cleanName } from './readable-name.ts'
import { readVdso } from './vdso.ts'

/** A mapped file as processes see it: path and content. */
type CodeFile = {
  readonly path: string
  /** Of its image in the cache; null when it is no ELF file. */
  readonly imageKey: string | null
  /** By offset in the file. */
  readonly frames: Map<number, Frame>
  /** Of the frames, roughly. */
  bytes: number
  /** In which lines were looked for, with the offsets of frames that have none yet. */
  readonly lines: { place: Place | null; offsets: number[]; turn: FileTurn }
  /** Something could not be read that may be there the next time. */
  state: 'complete' | 'incomplete' | 'outdated'
  lastWindow: number
}

/** Where a file can be opened: a process that maps it. */
type Place = { readonly pid: number; readonly mapping: Mapping }

/** Frames of addresses in mapped files and the vdso. */
export class FileSymbols {
  readonly #log: Log
  #cacheBytes: number
  readonly #images: ImageCache
  readonly #files = new Map<string, CodeFile>()
  readonly #incomplete = new Set<CodeFile>()
  readonly #open = new OpenFiles<CodeFile>()
  readonly #wantsLines: boolean
  #byMapping = new WeakMap<Mapping, CodeFile>()
  #window = 0
  #unreadable = 0

  /** `wantsLines`: framesWithoutLines() will be asked. */
  constructor(options: {
    readonly cacheBytes: number
    readonly log: Log
    readonly wantsLines: boolean
  }) {
    this.#log = options.log
    this.#wantsLines = options.wantsLines
    this.#cacheBytes = options.cacheBytes
    this.#images = new ImageCache(options.cacheBytes)
  }

  /**
   * Null when the mapping is of a file that holds no ELF image: a JIT's code perhaps. What is known is
   * kept by the mapping object, so unchanged mappings should be the same objects in every window.
   */
  frame(pid: number, mapping: Mapping, address: number, isLeaf: boolean): Frame | null {
    let file = this.#byMapping.get(mapping)
    if (file === undefined || file.state === 'outdated') {
      file = this.#resolve({ pid, mapping })
      this.#byMapping.set(mapping, file)
    }
    if (file.imageKey === null && file.state === 'complete') return null
    file.lastWindow = this.#window
    const offset = address - mapping.start + mapping.offset
    let frame = file.frames.get(offset)
    if (frame === undefined) {
      frame = this.#makeFrame(file, { pid, mapping }, offset, isLeaf)
      file.frames.set(offset, frame)
      file.bytes += sizeOf(frame)
      if (this.#wantsLines && frame.line === 0) this.#askForLines(file, { pid, mapping }, offset)
    }
    return frame
  }

  /** By file, where the file has debug information. */
  *framesWithoutLines(): Generator<FramesOfFile> {
    for (const file of this.#files.values()) {
      const { place, turn } = file.lines
      const offsets = file.lines.offsets.filter((offset) => file.frames.has(offset))
      file.lines.offsets = offsets
      if (place === null || offsets.length === 0) continue
      yield {
        path: file.path,
        turn,
        open: () => this.#openDebugInfo(file, place),
        frames: offsets.map((offset) => file.frames.get(offset) as Frame),
        take: (found) => takeLines(file, found),
      }
    }
  }

  #askForLines(file: CodeFile, place: Place, offset: number): void {
    const { lines, imageKey } = file
    if (lines.turn.failures >= MAX_FAILURES || imageKey === null) return
    if (!this.#images.get(imageKey)?.debugInfo) return
    lines.place = place
    lines.offsets.push(offset)
  }

  #openDebugInfo(file: CodeFile, place: Place): number | null {
    const image = this.#imageOf(file, place)
    if (image?.debugInfo !== 'image') return image?.openDebugFile() ?? null
    const opened = openMapped(place.pid, place.mapping)
    return opened.kind === 'file' ? opened.fd : null
  }

  /** Between two windows: forgets what was incomplete and what is over the bound. */
  refresh(): void {
    for (const file of this.#incomplete) {
      file.state = 'outdated'
      file.frames.clear()
      file.bytes = 0
    }
    this.#incomplete.clear()
    this.#evict()
    this.#window++
  }

  /** Another bound; what is over it now goes before the next window. */
  keepWithin(cacheBytes: number): void {
    this.#cacheBytes = cacheBytes
    this.#images.keepWithin(cacheBytes)
  }

  stats(): FileSymbolStats {
    return {
      files: this.#files.size,
      images: this.#images.size,
      frames: this.#countFrames(),
      bytes: this.#images.bytes + this.#frameBytes(),
      unreadable: this.#unreadable,
    }
  }

  // Frames go only here, between windows: within one their identity is used to count.
  #evict(): void {
    let bytes = this.#images.bytes + this.#frameBytes()
    if (bytes <= this.#cacheBytes) return
    const oldest = [...this.#files].sort(([, a], [, b]) => a.lastWindow - b.lastWindow)
    for (const [key, file] of oldest) {
      if (bytes <= this.#cacheBytes) break
      bytes -= file.bytes
      this.#files.delete(key)
    }
    this.#images.shrink(Math.max(0, this.#cacheBytes - this.#frameBytes()))
    // Mappings may still point to files that were forgotten: they are looked up again.
    this.#byMapping = new WeakMap()
  }

  #countFrames(): number {
    let frames = 0
    for (const file of this.#files.values()) frames += file.frames.size
    return frames
  }

  #frameBytes(): number {
    let bytes = 0
    for (const file of this.#files.values()) bytes += file.bytes
    return bytes
  }

  #resolve(place: Place): CodeFile {
    if (place.mapping.kind === 'vdso') return this.#resolveVdso(place.mapping)
    const { path } = place.mapping
    const opened = openMapped(place.pid, place.mapping)
    if (opened.kind === 'fault') {
      this.#unreadable++
      this.#log.debug({ path, pid: place.pid, reason: opened.reason }, 'mapped file not opened')
      return this.#markIncomplete(newFile(path, null))
    }
    try {
      const key = `${opened.identity}:${path}`
      const known = this.#files.get(key)
      if (known !== undefined && known.state !== 'outdated') return known
      const source = new FileSource(opened.fd, opened.sizeBytes)
      const file = newFile(path, this.#readImage(source, path, place.pid))
      this.#files.set(key, file)
      return file
    } finally {
      fs.closeSync(opened.fd)
    }
  }

  // The kernel maps its own image into every 64-bit process; a 32-bit one has another.
  #resolveVdso(mapping: Mapping): CodeFile {
    const key = mapping.start > 0xffff_ffff ? '[vdso]' : '[vdso32]'
    const known = this.#files.get(key)
    if (known !== undefined) return known
    const bytes = key === '[vdso]' ? readVdso() : null
    const imageKey = bytes && this.#readImage(new MemorySource(bytes), '[vdso]', process.pid)
    const file = newFile('[vdso]', imageKey)
    this.#files.set(key, file)
    return file
  }

  #markIncomplete(file: CodeFile): CodeFile {
    file.state = 'incomplete'
    this.#incomplete.add(file)
    return file
  }

  /** The key of the image in `source`; null when it is none. */
  #readImage(source: ByteSource, path: string, pid: number): string | null {
    const elf = readElf(source)
    if (elf.kind === 'fault') {
      this.#log.debug({ path, reason: elf.reason }, 'mapped file has no symbols')
      return null
    }
    const key = contentKey(source, elf)
    if (this.#images.get(key) === undefined)
      this.#images.add(key, loadImage(source, elf, path, ['', `/proc/${pid}/root`]))
    return key
  }

  #makeFrame(file: CodeFile, place: Place, offset: number, isLeaf: boolean): Frame {
    const image = this.#imageOf(file, place)
    const vaddr = image === null ? null : vaddrOf(image.elf, offset)
    const module = cleanName(moduleOfFile(file.path))
    const mapping = cleanName(file.path, 4096)
    if (image === null || vaddr === null)
      return makeFrame({
        name: `${module}+0x${offset.toString(16)}`,
        mapping,
        address: BigInt(offset),
      })
    const name = image.nameAt(vaddr, () => this.#sourceOf(file, place))
    const known = {
      mapping,
      buildId: image.elf.buildId,
      address: BigInt(vaddr),
      threadStart: image.isThreadStart(vaddr, name, isLeaf),
    }
    if (name.kind === 'go') {
      const fn = name.chain.at(-1) as SourceLine
      return makeFrame({ ...known, ...fn, inlined: name.chain.slice(0, -1), mapping: GO_MODULE })
    }
    return makeFrame({
      ...known,
      name: name.kind === 'name' ? name.name : `${module}+0x${name.vaddr.toString(16)}`,
      systemName: name.kind === 'name' ? name.systemName : '',
    })
  }

  // The image may have been forgotten while the file's frames were kept.
  #imageOf(file: CodeFile, place: Place): Image | null {
    if (file.imageKey === null) return null
    const image = this.#images.get(file.imageKey)
    if (image !== undefined) return image
    const source = this.#sourceOf(file, place)
    const key = source && this.#readImage(source, file.path, place.pid)
    return (key === file.imageKey && this.#images.get(key)) || null
  }

  #sourceOf(file: CodeFile, place: Place): ByteSource | null {
    if (place.mapping.kind === 'vdso') {
      const bytes = readVdso()
      return bytes && new MemorySource(bytes)
    }
    const source = this.#open.source(file, () => openMapped(place.pid, place.mapping))
    if (source === null) this.#markIncomplete(file)
    return source
  }
}

export type FileSymbolStats = {
  readonly files: number
  readonly images: number
  readonly frames: number
  readonly bytes: number
  /** Mapped files that could not be opened, since the start. */
  readonly unreadable: number
}

function newFile(path: string, imageKey: string | null): CodeFile {
  return {
    ...{ path, imageKey, frames: new Map(), bytes: 0, state: 'complete', lastWindow: 0 },
    lines: { place: null, offsets: [], turn: { asked: 0, failures: 0, waitUntil: 0 } },
  }
}

function sizeOf({ inlined }: Frame): number {
  return FRAME_BYTES * (1 + inlined.length)
}

function takeLines(file: CodeFile, found: ReadonlyMap<Frame, Frame>): void {
  const left: number[] = []
  for (const offset of file.lines.offsets) {
    const frame = file.frames.get(offset)
    const lined = frame && found.get(frame)
    if (frame !== undefined && lined === undefined) left.push(offset)
    if (frame === undefined || lined === undefined) continue
    file.frames.set(offset, lined)
    file.bytes += sizeOf(lined) - sizeOf(frame)
  }
  file.lines.offsets = left
}
