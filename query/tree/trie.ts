// A prefix tree of stacks, root first: a node is a path of functions. Parents come before their
// children, so sums over subtrees are one loop from the end. Children are found through open
// addressing keyed by (parent, function) at a load of at most one half.

export type TrieColumns = {
  /** Node 0 is the root, its own parent. */
  readonly nodes: number
  readonly parent: Uint32Array
  /** Index of the function; of the root none. */
  readonly fn: Uint32Array
  /** 1 where no ancestor has the same function: recursion counts once in `cum` of functions. */
  readonly outermost: Uint8Array
}

const NO_FUNCTION = 0xffff_ffff

export class Trie implements TrieColumns {
  nodes = 1
  parent: Uint32Array
  fn: Uint32Array
  outermost: Uint8Array
  #slots: Uint32Array

  /** `nodes`: how many are expected. */
  constructor(nodes = 64) {
    // Slots are twice the nodes there is room for: the load says when both have to grow.
    const room = powerOfTwo(nodes)
    this.parent = new Uint32Array(room)
    this.fn = new Uint32Array(room)
    this.outermost = new Uint8Array(room)
    this.#slots = new Uint32Array(room * 2)
    this.fn[0] = NO_FUNCTION
  }

  get bytes(): number {
    return this.parent.length * 9 + this.#slots.length * 4
  }

  /**
   * The child of `parent` for `fn`, made if there is none. `outermost` spares looking for the same
   * function among the ancestors where the same path is in another trie.
   */
  child(parent: number, fn: number, outermost?: number): number {
    let slot = this.#hash(parent, fn)
    for (;;) {
      const node = this.#slots[slot] as number
      if (node === 0) break
      if (this.parent[node] === parent && this.fn[node] === fn) return node
      slot = (slot + 1) & (this.#slots.length - 1)
    }
    if (this.nodes * 2 >= this.#slots.length) {
      this.#grow()
      return this.child(parent, fn, outermost)
    }
    const node = this.nodes++
    this.#slots[slot] = node
    this.parent[node] = parent
    this.fn[node] = fn
    this.outermost[node] = outermost ?? (this.#hasAncestor(parent, fn) ? 0 : 1)
    return node
  }

  #hasAncestor(node: number, fn: number): boolean {
    for (let at = node; at !== 0; at = this.parent[at] as number) {
      if (this.fn[at] === fn) return true
    }
    return false
  }

  #hash(parent: number, fn: number): number {
    let h = Math.imul(parent, 0x9e37_79b1) ^ Math.imul(fn, 0x85eb_ca6b)
    h = Math.imul(h ^ (h >>> 15), 0x2c1b_3c6d)
    return (h ^ (h >>> 13)) & (this.#slots.length - 1)
  }

  #grow(): void {
    const room = this.parent.length * 2
    this.parent = copyInto(new Uint32Array(room), this.parent)
    this.fn = copyInto(new Uint32Array(room), this.fn)
    this.outermost = copyInto(new Uint8Array(room), this.outermost)
    this.#slots = new Uint32Array(room * 2)
    for (let node = 1; node < this.nodes; node++) {
      let slot = this.#hash(this.parent[node] as number, this.fn[node] as number)
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1)
      this.#slots[slot] = node
    }
  }
}

export function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, atLeast)))
}

function copyInto<T extends Uint8Array | Uint32Array>(target: T, source: T): T {
  target.set(source)
  return target
}
