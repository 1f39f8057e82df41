import { decodePunycode } from './punycode.ts'

// Rust's own mangling, which no C++ demangler reads. A name is a tree written in prefix order, with
// references back to earlier positions; it is printed without crate hashes, as rustc-demangle's
// alternate form. https://rust-lang.github.io/rfcs/2603-rust-symbol-name-mangling-v0.html

/** Null when `name` is no such symbol. */
export function demangleRustV0(name: string): string | null {
  const body = /^_R([A-Z][A-Za-z0-9_]*)(\..*)?$/s.exec(name)
  if (body === null) return null
  const demangler = new Demangler(body[1] as string)
  try {
    demangler.path(true)
    // LLVM's marks of internalized symbols change with every build; .cold and the like stay.
    const suffix = (body[2] ?? '').replace(/\.llvm\.[0-9A-F]+(?=\.|$)/, '')
    return demangler.text + suffix
  } catch (error) {
    if (error instanceof NotRust) return null
    throw error
  }
}

class NotRust extends Error {}

// References repeat what they point to, so a short name can ask for endless text and work. The longest
// names of the standard library take some hundred steps.
const MAX_TEXT = 16_000
const MAX_STEPS = 20_000
const MAX_DEPTH = 200

const BASIC: Readonly<Record<string, string>> = {
  ...{ a: 'i8', b: 'bool', c: 'char', d: 'f64', e: 'str', f: 'f32', h: 'u8', i: 'isize' },
  ...{ j: 'usize', l: 'i32', m: 'u32', n: 'i128', o: 'u128', p: '_', s: 'i16', t: 'u16' },
  ...{ u: '()', v: '...', x: 'i64', y: 'u64', z: '!' },
}

class Demangler {
  text = ''
  readonly #body: string
  #at = 0
  #depth = 0
  #steps = 0
  /** Lifetimes that enclosing `for<…>` have named. */
  #lifetimes = 0

  constructor(body: string) {
    this.#body = body
  }

  /** `inValue`: generic arguments are written ::<…> as in an expression, not <…> as in a type. */
  path(inValue: boolean): void {
    this.#nest(() => {
      const kind = this.#next()
      if (kind === 'C') this.#print(this.#identifier().name)
      else if (kind === 'M') this.#implementation(false, true)
      else if (kind === 'X') this.#implementation(true, true)
      else if (kind === 'Y') this.#implementation(true, false)
      else if (kind === 'N') this.#nested(inValue)
      else if (kind === 'I') {
        this.path(inValue)
        this.#print(inValue ? '::<' : '<')
        this.#list(() => this.#genericArgument())
        this.#print('>')
      } else if (kind === 'B') this.#again(() => this.path(inValue))
      else throw new NotRust()
    })
  }

  // <Type> or <Type as Trait>; where an impl is, does not say anything to a reader.
  #implementation(ofTrait: boolean, hasPlace: boolean): void {
    if (hasPlace) {
      this.#disambiguator()
      this.#silently(() => this.path(false))
    }
    this.#print('<')
    this.#type()
    if (ofTrait) {
      this.#print(' as ')
      this.path(false)
    }
    this.#print('>')
  }

  #nested(inValue: boolean): void {
    const namespace = this.#next()
    this.path(inValue)
    const { name, number } = this.#identifier()
    if (/[a-z]/.test(namespace)) this.#print(name === '' ? '' : `::${name}`)
    else if (/[A-Z]/.test(namespace)) {
      const what = namespace === 'C' ? 'closure' : namespace === 'S' ? 'shim' : namespace
      this.#print(`::{${what}${name === '' ? '' : `:${name}`}#${number}}`)
    } else throw new NotRust()
  }

  #genericArgument(): void {
    if (this.#eat('L')) this.#print(this.#lifetime())
    else if (this.#eat('K')) this.#constant()
    else this.#type()
  }

  #type(): void {
    this.#nest(() => {
      const kind = this.#next()
      const basic = BASIC[kind]
      if (basic !== undefined) this.#print(basic)
      else if (kind === 'A') this.#wrap('[', ']', () => this.#arrayOf())
      else if (kind === 'S') this.#wrap('[', ']', () => this.#type())
      else if (kind === 'T') this.#tuple(() => this.#type())
      else if (kind === 'R' || kind === 'Q') this.#reference(kind === 'Q')
      else if (kind === 'P' || kind === 'O')
        this.#wrap(kind === 'P' ? '*const ' : '*mut ', '', () => this.#type())
      else if (kind === 'F') this.#binder(() => this.#functionType())
      else if (kind === 'D') this.#dynType()
      else if (kind === 'B') this.#again(() => this.#type())
      else {
        this.#at--
        this.path(false)
      }
    })
  }

  #arrayOf(): void {
    this.#type()
    this.#print('; ')
    this.#constant()
  }

  #tuple(item: () => void): void {
    this.#print('(')
    if (this.#list(item) === 1) this.#print(',')
    this.#print(')')
  }

  #reference(mutable: boolean): void {
    this.#print('&')
    if (this.#eat('L')) {
      const lifetime = this.#lifetime()
      if (lifetime !== "'_") this.#print(`${lifetime} `)
    }
    if (mutable) this.#print('mut ')
    this.#type()
  }

  #functionType(): void {
    if (this.#eat('U')) this.#print('unsafe ')
    if (this.#eat('K')) {
      const abi = this.#eat('C') ? 'C' : this.#plainIdentifier().replaceAll('_', '-')
      this.#print(`extern "${abi}" `)
    }
    this.#wrap('fn(', ')', () => this.#list(() => this.#type()))
    if (this.#eat('u')) return
    this.#print(' -> ')
    this.#type()
  }

  #dynType(): void {
    this.#print('dyn ')
    this.#binder(() => this.#list(() => this.#dynTrait(), ' + '))
    if (!this.#eat('L')) throw new NotRust()
    const lifetime = this.#lifetime()
    if (lifetime !== "'_") this.#print(` + ${lifetime}`)
  }

  // A trait's own arguments and its associated types share one pair of angle brackets.
  #dynTrait(): void {
    this.path(false)
    let open = false
    while (this.#eat('p')) {
      if (!open && this.text.endsWith('>')) {
        this.text = this.text.slice(0, -1)
        this.#print(', ')
      } else this.#print(open ? ', ' : '<')
      open = true
      this.#print(`${this.#plainIdentifier()} = `)
      this.#type()
    }
    if (open) this.#print('>')
  }

  #constant(): void {
    this.#nest(() => {
      const kind = this.#next()
      if (kind === 'p') this.#print('_')
      else if (kind === 'B') this.#again(() => this.#constant())
      else if ('hjmotyailnsx'.includes(kind)) this.#integer()
      else if (kind === 'b') this.#print(this.#hex() === 0n ? 'false' : 'true')
      else if (kind === 'c') this.#character()
      else if (kind === 'e') this.#print(`*${this.#string()}`)
      else if (kind === 'R' && this.#eat('e')) this.#print(this.#string())
      else if (kind === 'R' || kind === 'Q')
        this.#wrap(kind === 'R' ? '&' : '&mut ', '', () => this.#constant())
      else if (kind === 'A') this.#wrap('[', ']', () => this.#list(() => this.#constant()))
      else if (kind === 'T') this.#tuple(() => this.#constant())
      else if (kind === 'V') this.#structure()
      else throw new NotRust()
    })
  }

  #integer(): void {
    if (this.#eat('n')) this.#print('-')
    this.#print(this.#hex().toString())
  }

  #character(): void {
    const point = Number(this.#hex())
    if (point > 0x10ffff) throw new NotRust()
    const escapes: Readonly<Record<number, string>> = {
      9: '\\t',
      10: '\\n',
      13: '\\r',
      39: "\\'",
      92: '\\\\',
    }
    this.#print(`'${escapes[point] ?? String.fromCodePoint(point)}'`)
  }

  #string(): string {
    const hex = /^((?:[0-9a-f]{2})*)_/.exec(this.#body.slice(this.#at))
    if (hex === null) throw new NotRust()
    this.#at += hex[0].length
    return JSON.stringify(Buffer.from(hex[1] as string, 'hex').toString())
  }

  #structure(): void {
    const shape = this.#next()
    this.path(true)
    if (shape === 'U') return
    if (shape === 'T') this.#wrap('(', ')', () => this.#list(() => this.#constant()))
    else if (shape === 'S')
      this.#wrap(' { ', ' }', () =>
        this.#list(() => {
          this.#print(`${this.#identifier().name}: `)
          this.#constant()
        }),
      )
    else throw new NotRust()
  }

  #hex(): bigint {
    const digits = /^([0-9a-f]*)_/.exec(this.#body.slice(this.#at, this.#at + 40))
    if (digits === null) throw new NotRust()
    this.#at += digits[0].length
    return BigInt(`0x0${digits[1]}`)
  }

  #binder(inner: () => void): void {
    const before = this.#lifetimes
    const count = this.#eat('G') ? this.#base62() + 1 : 0
    if (count > 100) throw new NotRust()
    if (count > 0) {
      const names = Array.from({ length: count }, (_, i) => lifetimeName(before + i))
      this.#print(`for<${names.join(', ')}> `)
      this.#lifetimes += count
    }
    inner()
    this.#lifetimes = before
  }

  // 0 is an erased lifetime; others count outwards from the innermost binder.
  #lifetime(): string {
    const index = this.#base62()
    if (index === 0) return "'_"
    if (index > this.#lifetimes) throw new NotRust()
    return lifetimeName(this.#lifetimes - index)
  }

  #identifier(): { name: string; number: number } {
    const number = this.#disambiguator()
    return { name: this.#plainIdentifier(), number }
  }

  #disambiguator(): number {
    return this.#eat('s') ? this.#base62() + 1 : 0
  }

  #plainIdentifier(): string {
    const encoded = this.#eat('u')
    const digits = /^(?:0|[1-9][0-9]{0,5})/.exec(this.#body.slice(this.#at, this.#at + 6))?.[0]
    if (digits === undefined) throw new NotRust()
    this.#at += digits.length
    // Keeps digits and underscores that begin the name apart from its length.
    this.#eat('_')
    const name = this.#body.slice(this.#at, this.#at + Number(digits))
    if (name.length !== Number(digits)) throw new NotRust()
    this.#at += name.length
    const decoded = encoded ? decodePunycode(name.replace(/_(?=[^_]*$)/, '-')) : name
    if (decoded === null) throw new NotRust()
    return decoded
  }

  #base62(): number {
    const digits = /^([0-9a-zA-Z]{0,13})_/.exec(this.#body.slice(this.#at, this.#at + 14))
    if (digits === null) throw new NotRust()
    this.#at += digits[0].length
    if (digits[1] === '') return 0
    let value = 0
    for (const digit of digits[1] as string)
      value =
        value * 62 + '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(digit)
    return value + 1
  }

  /** Prints what an earlier position holds. */
  #again(print: () => void): void {
    const here = this.#at - 1
    const target = this.#base62()
    if (target >= here) throw new NotRust()
    const next = this.#at
    this.#at = target
    print()
    this.#at = next
  }

  #list(item: () => void, separator = ', '): number {
    let count = 0
    for (; !this.#eat('E'); count++) {
      if (count > 0) this.#print(separator)
      item()
    }
    return count
  }

  #wrap(before: string, after: string, inner: () => void): void {
    this.#print(before)
    inner()
    this.#print(after)
  }

  #silently(read: () => void): void {
    const { text } = this
    read()
    this.text = text
  }

  #nest(inner: () => void): void {
    if (++this.#depth > MAX_DEPTH || ++this.#steps > MAX_STEPS) throw new NotRust()
    if (this.text.length > MAX_TEXT) throw new NotRust()
    inner()
    this.#depth--
  }

  #print(text: string): void {
    this.text += text
  }

  #next(): string {
    const letter = this.#body[this.#at++]
    if (letter === undefined) throw new NotRust()
    return letter
  }

  #eat(letter: string): boolean {
    if (this.#body[this.#at] !== letter) return false
    this.#at++
    return true
  }
}

function lifetimeName(index: number): string {
  return index < 26 ? `'${String.fromCharCode(97 + index)}` : `'_${index}`
}
