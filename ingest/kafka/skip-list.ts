/** Numbers as text, runs joined: 0, 4, 5, 6 is `0,4-6`. */
export class SkipList {
  #done = ''
  #first = -1
  #last = -1

  /** Numbers ascend. */
  add(n: number): void {
    if (n !== this.#last + 1 || this.#first < 0) {
      this.#done = this.text
      this.#first = n
    }
    this.#last = n
  }

  get text(): string {
    if (this.#first < 0) return this.#done
    const run = this.#first === this.#last ? `${this.#first}` : `${this.#first}-${this.#last}`
    return this.#done === '' ? run : `${this.#done},${run}`
  }
}

/** Whether a number is in the list that `text` writes; null when it writes none. */
export function parseSkipList(text: string): ((n: number) => boolean) | null {
  if (text === '') return () => false
  const runs = text.split(',').map((run) => /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(run))
  const bounds: (readonly [number, number])[] = []
  for (const run of runs) {
    if (!run) return null
    bounds.push([Number(run[1]), Number(run[2] ?? run[1])])
  }
  return (n) => bounds.some(([first, last]) => n >= first && n <= last)
}
