// Names come from files and maps that anybody may have written, and C++ writes names longer than
// any page: one in seven of Node's has more than 200 characters, nearly all of it arguments.

const MAX_NAME = 200
// What a symbol table says is kept for other tools to look up; compilers hash names beyond this.
const MAX_SYSTEM_NAME = 1000

// Control characters, and those that make text run backwards.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** `text` without unprintable characters, at most `max` characters long. */
export function cleanName(text: string, max = MAX_NAME): string {
  const clean = text.replace(UNPRINTABLE, '?')
  return clean.length <= max ? clean : `${sliceWell(clean, 0, max - 1)}…`
}

export function cleanSystemName(text: string): string {
  return cleanName(text, MAX_SYSTEM_NAME)
}

/**
 * A demangled name of at most `max` characters: of an over-long one the innermost brackets go first,
 * `a::b<std::map<…>>::c(std::vector<…> const&)`, then the front of its path.
 */
export function shortenName(name: string, max = MAX_NAME): string {
  const clean = cleanName(name, 20_000)
  if (clean.length <= max) return clean
  for (let depth = 3; depth >= 0; depth--) {
    const shorter = emptyBrackets(clean, depth)
    if (shorter !== null && shorter.length <= max) return shorter
  }
  const shortest = emptyBrackets(clean, 0) ?? clean
  return shortest.includes('::')
    ? `…${sliceWell(shortest, shortest.length - max + 1)}`
    : cleanName(shortest, max)
}

// Brackets, and before them what looks like one and is none, or says too much to lose. Braces stay:
// {lambda(…)#1} is not {lambda(…)#2}.
const TOKEN =
  /\boperator(?:<=>|<<=?|>>=?|->\*?|<=|>=|\(\)|\[\]|<|>)|->|\(anonymous namespace\)|<=|>=|\[(?:clone|abi:)[^\]]*\]|[<>()[\]]/g
const CLOSING: Readonly<Record<string, string>> = { '<': '>', '(': ')', '[': ']' }

/** `name` with … for what is in brackets deeper than `depth`; null when they do not match. */
function emptyBrackets(name: string, depth: number): string | null {
  const open: string[] = []
  let text = ''
  let from = 0
  for (const { 0: token, index } of name.matchAll(TOKEN)) {
    if (token === open.at(-1)) {
      if (open.length > depth) {
        if (open.length === depth + 1 && index > from) text += '…'
        from = index
      }
      open.pop()
    }
    const closing = CLOSING[token]
    if (closing === undefined) continue
    open.push(closing)
    if (open.length === depth + 1) {
      text += name.slice(from, index + 1)
      from = index + 1
    }
  }
  return open.length === 0 ? text + name.slice(from) : null
}

// Not through the middle of a surrogate pair.
function sliceWell(text: string, from: number, to = text.length): string {
  return text.slice(from, to).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '')
}
