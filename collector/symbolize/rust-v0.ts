/** Null when `name` is no Rust v0 symbol. */
export function demangleRustV0(_name: string): string | null {
  return null
}
