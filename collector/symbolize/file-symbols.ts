import fs from 'node:fs'
import { moduleOfFile } from '../../infra/contract/profile.ts'
import type { Log } from '../../infra/runtime/log.ts'
import { openMapped } from '../process/mapped-file.ts'
import type { Mapping, Mappings } from '../process/mappings.ts'
import { type ByteSource, FileSource, MemorySource } from './byte-source.ts'
import { readElf, vaddrOf } from './elf.ts'
import type { Frame } from './frame.ts'
import { FRAME_BYTES, makeFrame } from './frames.ts'
import { contentKey, type Image, loadImage } from './image.ts'
import { ImageCache } from './image-cache.ts'
import { cleanName } from './readable-name.ts'
import { readVdso } from './vdso.ts'

/** A mapped file as processes see it: path and content. */
type CodeFile = {
  readonly path: string
  /** Of its image in the cache; null when it is no ELF file. */
  readonly imageKey: string | null
  /** By offset in the file. */
  readonly frames: Map<number, Frame>
  /** Frames lack something that may be there the next time: a file that could not be opened. */
  incomplete: boolean
  lastWindow: number
}

type Place = { readonly pid: number; readonly mapping: Mapping }

/** Frames of addresses in mapped files and the vdso. */
export class FileSymbols {
  readonly #log: Log
  readonly #cacheBytes: number
  readonly #images: ImageCache
  readonly #files = new Map<string, CodeFile>()
  #byMapping = new WeakMap<Mapping, CodeFile>()
  /** The mappings a process was last seen with, to recognize them when they are read anew. */
  readonly #lastMappings = new Map<number, { mappings: Mappings; window: number }>()
  #window = 0
  #unreadable = 0

  constructor(options: { readonly cacheBytes: number; readonly log: Log }) {
    this.#log = options.log
    this.#cacheBytes = options.cacheBytes
    this.#images = new ImageCache(options.cacheBytes)
  }

  /** Null when the mapping is of a file that holds no ELF image: a JIT's code perhaps. */
  frame(pid: number, mappings: Mappings, mapping: Mapping, address: number): Frame | null {
    const file = this.#byMapping.get(mapping) ?? this.#recognize(pid, mappings, mapping)
    if (file.imageKey === null && !file.incomplete) return null
    file.lastWindow = this.#window
    const offset = address - mapping.start + mapping.offset
    let frame = file.frames.get(offset)
    if (frame === undefined) {
      frame = this.#makeFrame(file, { pid, mapping }, offset)
      file.frames.set(offset, frame)
    }
    return frame
  }

  /** Between two windows: forgets what was incomplete and what is over the bound. */
  refresh(): void {
    for (const file of this.#files.values()) if (file.incomplete) file.frames.clear()
    for (const [pid, { window }] of this.#lastMappings)
      if (window < this.#window) this.#lastMappings.delete(pid)
    this.#evict()
    this.#window++
  }

  stats(): FileSymbolStats {
    return {
      files: this.#files.size,
      images: this.#images.size,
      frames: this.#countFrames(),
      bytes: this.#images.bytes + this.#countFrames() * FRAME_BYTES,
      unreadable: this.#unreadable,
    }
  }

  // Frames go only here, between windows: within one their identity is used to count.
  #evict(): void {
    let bytes = this.#images.bytes + this.#countFrames() * FRAME_BYTES
    if (bytes <= this.#cacheBytes) return
    const oldest = [...this.#files].sort(([, a], [, b]) => a.lastWindow - b.lastWindow)
    for (const [key, file] of oldest) {
      if (bytes <= this.#cacheBytes) break
      bytes -= file.frames.size * FRAME_BYTES
      this.#files.delete(key)
    }
    this.#images.shrink(Math.max(0, this.#cacheBytes - this.#countFrames() * FRAME_BYTES))
    // Mappings may still point to files that were forgotten: they are looked up again.
    this.#byMapping = new WeakMap()
    this.#lastMappings.clear()
  }

  #countFrames(): number {
    let frames = 0
    for (const file of this.#files.values()) frames += file.frames.size
    return frames
  }

  // A process's mappings are read again in every window. What lies at the same place and is the same
  // inode has not changed meanwhile, since the mapping keeps the inode: it need not be opened again.
  #recognize(pid: number, mappings: Mappings, mapping: Mapping): CodeFile {
    const last = this.#lastMappings.get(pid)
    const before = last?.mappings.find(mapping.start)
    const known = before && isSameMapping(before, mapping) ? this.#byMapping.get(before) : undefined
    const file = known?.incomplete === false ? known : this.#open({ pid, mapping })
    this.#byMapping.set(mapping, file)
    // Once the new ones hold all that was known of the old ones, these may go.
    if (last === undefined) this.#lastMappings.set(pid, { mappings, window: this.#window })
    else if (last.mappings !== mappings) {
      this.#adopt(last.mappings, mappings)
      this.#lastMappings.set(pid, { mappings, window: this.#window })
    } else last.window = this.#window
    return file
  }

  #adopt(old: Mappings, mappings: Mappings): void {
    for (const mapping of mappings.list) {
      if (this.#byMapping.has(mapping)) continue
      const before = old.find(mapping.start)
      const file =
        before && isSameMapping(before, mapping) ? this.#byMapping.get(before) : undefined
      if (file?.incomplete === false) this.#byMapping.set(mapping, file)
    }
  }

  #open(place: Place): CodeFile {
    if (place.mapping.kind === 'vdso') return this.#openVdso(place.mapping)
    const { path } = place.mapping
    const opened = openMapped(place.pid, place.mapping)
    if (opened.kind === 'fault') {
      this.#unreadable++
      this.#log.debug({ path, pid: place.pid, reason: opened.reason }, 'mapped file not opened')
      return this.#newFile(path, null, true)
    }
    try {
      const key = `${opened.identity}:${path}`
      const known = this.#files.get(key)
      if (known !== undefined) return known
      const source = new FileSource(opened.fd, opened.sizeBytes)
      const file = this.#newFile(path, this.#readImage(source, path, place.pid), false)
      this.#files.set(key, file)
      return file
    } finally {
      fs.closeSync(opened.fd)
    }
  }

  // The kernel maps its own image into every 64-bit process; a 32-bit one has another.
  #openVdso(mapping: Mapping): CodeFile {
    const key = mapping.start > 0xffff_ffff ? '[vdso]' : '[vdso32]'
    const known = this.#files.get(key)
    if (known !== undefined) return known
    const bytes = key === '[vdso]' ? readVdso() : null
    const imageKey = bytes && this.#readImage(new MemorySource(bytes), '[vdso]', process.pid)
    const file = this.#newFile('[vdso]', imageKey, imageKey === null)
    this.#files.set(key, file)
    return file
  }

  #newFile(path: string, imageKey: string | null, incomplete: boolean): CodeFile {
    return { path, imageKey, frames: new Map(), incomplete, lastWindow: this.#window }
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

  #makeFrame(file: CodeFile, place: Place, offset: number): Frame {
    using opener = new Opener(place)
    const image = this.#imageOf(file, place, opener)
    const vaddr = image === null ? null : vaddrOf(image.elf, offset)
    const module = cleanName(moduleOfFile(file.path))
    const mapping = cleanName(file.path, 4096)
    if (image === null || vaddr === null)
      return makeFrame({
        name: `${module}+0x${offset.toString(16)}`,
        mapping,
        address: BigInt(offset),
      })
    const name = image.nameAt(vaddr, () => opener.open())
    if (opener.failed) file.incomplete = true
    return makeFrame({
      name: name.kind === 'name' ? name.name : `${module}+0x${name.vaddr.toString(16)}`,
      systemName: name.kind === 'name' ? name.systemName : '',
      mapping,
      buildId: image.elf.buildId,
      address: BigInt(vaddr),
      threadStart: image.isThreadStart(vaddr, name),
    })
  }

  // The image may have been forgotten while the file's frames were kept.
  #imageOf(file: CodeFile, place: Place, opener: Opener): Image | null {
    if (file.imageKey === null) return null
    const image = this.#images.get(file.imageKey)
    if (image !== undefined) return image
    const source = opener.open()
    const key = source && this.#readImage(source, file.path, place.pid)
    return (key === file.imageKey && this.#images.get(key)) || null
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

function isSameMapping(a: Mapping, b: Mapping): boolean {
  return (
    a.start === b.start &&
    a.offset === b.offset &&
    a.inode === b.inode &&
    a.device === b.device &&
    a.path === b.path
  )
}

/** Opens a mapped file when it is first needed, and closes it in the end. */
class Opener {
  failed = false
  readonly #place: Place
  #fd = -1
  #source: ByteSource | null = null

  constructor(place: Place) {
    this.#place = place
  }

  open(): ByteSource | null {
    if (this.#source !== null || this.failed) return this.#source
    if (this.#place.mapping.kind === 'vdso') {
      const bytes = readVdso()
      this.#source = bytes && new MemorySource(bytes)
    } else {
      const opened = openMapped(this.#place.pid, this.#place.mapping)
      if (opened.kind === 'file') {
        this.#fd = opened.fd
        this.#source = new FileSource(opened.fd, opened.sizeBytes)
      }
    }
    this.failed = this.#source === null
    return this.#source
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd)
  }
}
