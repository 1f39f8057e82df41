// Which part of a function's name is worth showing when there is no room for all of it: arguments
// go first, then packages from the left, and only then is the end of the bare name cut.

const ELLIPSIS = '…'

/** Ever shorter forms of a name, the whole name first. */
export function shorten(name: string): string[] {
  const forms = [name]
  const { bare, cuts } = dropArguments(name)
  for (const form of [bare, ...cuts.map((cut) => bare.slice(cut))])
    if (form.length >= 2 && form.length < (forms.at(-1) as string).length) forms.push(form)
  return forms
}

// Template and call arguments go, at any depth: `f<std::vector<int>>(char const*)` becomes `f`. A
// bracket at the start of a part is part of the name: Go's `(*Server).Serve`, Rust's
// `<T as Trait>::next`, C++'s `(anonymous namespace)::f`. `cuts` are where a shorter name may begin:
// after a slash, a `::` or a `.` outside brackets.
function dropArguments(name: string): { bare: string; cuts: number[] } {
  const cuts: number[] = []
  let bare = ''
  let depth = 0
  let keep = true
  for (let i = 0; i < name.length; i++) {
    const c = name[i] as string
    const opens = (c === '<' || c === '(') && !bare.endsWith('operator')
    if (opens && depth++ === 0) keep = bare === '' || /[./:\s]$/.test(bare)
    if (depth === 0 || keep) bare += c
    if ((c === '>' || c === ')') && depth > 0) depth--
    if (depth > 0) continue
    const next = name[i + 1] ?? ''
    const ends =
      c === '/' || (c === ':' && bare.endsWith('::')) || (c === '.' && /[^.\d]/.test(next))
    if (ends && bare.length > 1 && next !== '') cuts.push(bare.length)
  }
  return depth === 0 && bare !== '' ? { bare, cuts } : { bare: name, cuts: [] }
}

/** A name as package and the rest: split after the last slash, else before the last two parts. */
export function splitName(name: string): readonly [string, string] {
  const { bare, cuts } = dropArguments(name)
  const slash = bare.lastIndexOf('/') + 1
  const at = cuts.includes(slash) ? slash : (cuts.at(-2) ?? 0)
  // Before the cut nothing may have been dropped, or it would not be a cut of the name.
  return name.startsWith(bare.slice(0, at)) ? [name.slice(0, at), name.slice(at)] : ['', name]
}

export type Measure = (text: string) => number

/**
 * Labels by function index, fitted to a width. `measure` is asked once per form; forms and widths
 * are kept until `measure` changes with font or pixel ratio.
 */
export function createLabels(name: (fn: number) => string, measure: Measure) {
  const forms = new Map<number, { text: string; width: number }[]>()
  const dots = measure(ELLIPSIS)

  const formsOf = (fn: number) => {
    let list = forms.get(fn)
    if (!list) {
      list = shorten(visible(name(fn))).map((text) => ({ text, width: measure(text) }))
      forms.set(fn, list)
    }
    return list
  }

  /** The longest form of the name that fits into `room` pixels, '' when less than three characters do. */
  return function fit(fn: number, room: number): string {
    const list = formsOf(fn)
    for (const form of list) if (form.width <= room) return form.text
    const last = list[list.length - 1]
    if (!last || last.width <= 0) return ''
    let keep = Math.floor(((room - dots) / last.width) * last.text.length)
    while (keep >= 3 && measure(last.text.slice(0, keep)) + dots > room) keep--
    return keep >= 3 ? last.text.slice(0, keep) + ELLIPSIS : ''
  }
}

// Names are foreign text: what would break a line or turn the direction of others is shown as a
// mark instead.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

export function visible(name: string): string {
  return name.replace(INVISIBLE, '\u{fffd}')
}
