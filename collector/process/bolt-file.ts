import type { ByteSource } from '../symbolize/byte-source.ts'
import { readExactly } from '../symbolize/byte-source.ts'

// Reads bbolt files, in which containerd keeps what it knows, without a lock: a writer never changes a
// page that the last committed transaction reaches, so what was read is right when no two transactions
// were committed meanwhile. The format: https://github.com/etcd-io/bbolt internal/common/page.go and meta.go
//
//   page    id u64, flags u16, count u16, overflow u32, then `count` elements and their bytes
//   meta    magic u32, version u32, page size u32, flags u32, root bucket {page u64, sequence u64},
//           freelist u64, high water mark u64, transaction u64, checksum u64 (FNV-1a of what is before)
//   branch  element {position u32, key size u32, page u64}
//   leaf    element {flags u32, position u32, key size u32, value size u32}
//   bucket  a leaf value {page u64, sequence u64}; with page 0 the bucket's own page follows inline

const MAGIC = 0xed0cdaed
const VERSION = 2
const BRANCH = 0x01
const LEAF = 0x02
const IS_BUCKET = 0x01
const PAGE_HEADER = 16
const ELEMENT = 16
const META_BYTES = 64
// A page with its overflow: containerd's largest values, runtime specs, are some 10 kB.
const MOST_PAGE_BYTES = 4 << 20
// 16 levels of 4 KiB pages hold more than any disk.
const MOST_LEVELS = 16
const MOST_ENTRIES = 1_000
// Of one look-up; a damaged file may name pages in circles.
const MOST_PAGES = 2_000
const ATTEMPTS = 3

type Meta = { readonly pageSize: number; readonly root: number; readonly transaction: bigint }

/** A page, alone or inline: its bytes begin with its header. */
type Page = Buffer

/**
 * The texts in the bucket at `path`, by key; nested buckets are left out. Null when there is no such
 * bucket, the file is damaged or it changes too quickly.
 */
export function readBoltBucket(
  source: ByteSource,
  path: readonly string[],
): ReadonlyMap<string, string> | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const meta = readMeta(source)
    if (meta === null) return null
    const entries = readPath(source, meta, path)
    const after = readMeta(source)
    if (after !== null && after.transaction <= meta.transaction + 1n) return entries
  }
  return null
}

/** The one of the two meta pages that was written last and wholly. */
function readMeta(source: ByteSource): Meta | null {
  const first = parseMeta(readExactly(source, PAGE_HEADER, META_BYTES))
  // The second page begins where the first ends; of a damaged first one the size is a guess.
  const second = parseMeta(readExactly(source, (first?.pageSize ?? 4096) + PAGE_HEADER, META_BYTES))
  if (first === null || second === null) return first ?? second
  return first.transaction > second.transaction ? first : second
}

function parseMeta(bytes: Buffer | null): Meta | null {
  if (bytes === null) return null
  const pageSize = bytes.readUInt32LE(8)
  const isRight =
    bytes.readUInt32LE(0) === MAGIC &&
    bytes.readUInt32LE(4) === VERSION &&
    pageSize >= 1024 &&
    pageSize <= 65_536 &&
    bytes.readBigUInt64LE(56) === fnv1a(bytes.subarray(0, 56))
  if (!isRight) return null
  return {
    pageSize,
    root: Number(bytes.readBigUInt64LE(16)),
    transaction: bytes.readBigUInt64LE(48),
  }
}

function readPath(
  source: ByteSource,
  meta: Meta,
  path: readonly string[],
): ReadonlyMap<string, string> | null {
  let reads = 0
  const pages = (id: number) => (++reads > MOST_PAGES ? null : readPage(source, meta, id))
  let root = pages(meta.root)
  for (const name of path) {
    const value = root && findBucket(root, Buffer.from(name), pages)
    if (!value || value.length < 16) return null
    const id = Number(value.readBigUInt64LE(0))
    root = id === 0 ? value.subarray(16) : pages(id)
  }
  const entries = new Map<string, string>()
  if (root !== null) collect(root, pages, entries, 0)
  return entries
}

function readPage(source: ByteSource, { pageSize }: Meta, id: number): Page | null {
  const start = id * pageSize
  if (!Number.isSafeInteger(start)) return null
  const header = readExactly(source, start, PAGE_HEADER)
  if (header === null) return null
  const bytes = (header.readUInt32LE(12) + 1) * pageSize
  return bytes > MOST_PAGE_BYTES ? null : readExactly(source, start, bytes)
}

type Element = { readonly key: Buffer; readonly value: Buffer; readonly flags: number }

/** Null for an element that does not lie in its page. */
function leafElement(page: Page, index: number): Element | null {
  const at = PAGE_HEADER + index * ELEMENT
  if (at + ELEMENT > page.length) return null
  const start = at + page.readUInt32LE(at + 4)
  const keyEnd = start + page.readUInt32LE(at + 8)
  const end = keyEnd + page.readUInt32LE(at + 12)
  if (end > page.length) return null
  return {
    flags: page.readUInt32LE(at),
    key: page.subarray(start, keyEnd),
    value: page.subarray(keyEnd, end),
  }
}

function branchElement(page: Page, index: number): { key: Buffer; page: number } | null {
  const at = PAGE_HEADER + index * ELEMENT
  if (at + ELEMENT > page.length) return null
  const start = at + page.readUInt32LE(at)
  const end = start + page.readUInt32LE(at + 4)
  if (end > page.length) return null
  return { key: page.subarray(start, end), page: Number(page.readBigUInt64LE(at + 8)) }
}

type Pages = (id: number) => Page | null

function findBucket(root: Page, key: Buffer, pages: Pages): Buffer | null {
  let page: Page | null = root
  for (let level = 0; page !== null && level < MOST_LEVELS; level++) {
    if (page.length < PAGE_HEADER) return null
    const flags = page.readUInt16LE(8)
    const count = page.readUInt16LE(10)
    if (flags & LEAF) {
      const element = searchLeaf(page, count, key)
      return element && element.flags & IS_BUCKET ? element.value : null
    }
    if (!(flags & BRANCH)) return null
    const child = searchBranch(page, count, key)
    page = child === null ? null : pages(child)
  }
  return null
}

function searchLeaf(page: Page, count: number, key: Buffer): Element | null {
  for (let low = 0, high = count - 1; low <= high; ) {
    const middle = (low + high) >> 1
    const element = leafElement(page, middle)
    if (element === null) return null
    const order = element.key.compare(key)
    if (order === 0) return element
    if (order < 0) low = middle + 1
    else high = middle - 1
  }
  return null
}

/** The child in which `key` is: the last whose first key is not greater. */
function searchBranch(page: Page, count: number, key: Buffer): number | null {
  let low = 0
  for (let high = count - 1; low < high; ) {
    const middle = (low + high + 1) >> 1
    const element = branchElement(page, middle)
    if (element === null) return null
    if (element.key.compare(key) <= 0) low = middle
    else high = middle - 1
  }
  return branchElement(page, low)?.page ?? null
}

function collect(page: Page, pages: Pages, entries: Map<string, string>, level: number): void {
  if (page.length < PAGE_HEADER || level >= MOST_LEVELS) return
  const flags = page.readUInt16LE(8)
  const count = page.readUInt16LE(10)
  for (let index = 0; index < count && entries.size < MOST_ENTRIES; index++) {
    if (flags & LEAF) {
      const element = leafElement(page, index)
      if (element === null) return
      if (!(element.flags & IS_BUCKET))
        entries.set(element.key.toString(), element.value.toString())
    } else if (flags & BRANCH) {
      const child = branchElement(page, index)
      const next = child && pages(child.page)
      if (!next) return
      collect(next, pages, entries, level + 1)
    } else return
  }
}

function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  return hash
}
