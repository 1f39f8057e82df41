// Tells screen readers what changed without moving the focus.

let region: HTMLElement | null = null

export function announce(text: string): void {
  if (!region) {
    region = document.createElement('div')
    region.className = 'unseen'
    region.setAttribute('role', 'status')
    region.setAttribute('aria-live', 'polite')
    document.body.append(region)
  }
  region.textContent = text
}
