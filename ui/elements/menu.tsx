import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'

/** A button that opens a panel under it: the browser's popover does focus, Esc and closing. */
export function Menu(props: {
  label: ComponentChildren
  title: string
  class?: string
  /** Which edge of the button the panel keeps to. */
  align?: 'left' | 'right'
  /** Made when the panel opens: what nobody looks at is not asked for. */
  children: () => ComponentChildren
}) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const panel = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState(false)
  useEffect(() => {
    const element = panel.current
    const close = (event: Event): void => {
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest('[data-closes]')) element?.hidePopover()
    }
    element?.addEventListener('click', close)
    return () => element?.removeEventListener('click', close)
  }, [])
  useEffect(() => {
    if (open) place()
  }, [open])
  const place = (): void => {
    const box = button.current?.getBoundingClientRect()
    const element = panel.current
    if (!box || !element) return
    const width = Math.max(element.offsetWidth, 160)
    const left = props.align === 'right' ? box.right - width : box.left
    element.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`
    element.style.top = `${box.bottom + 4}px`
    element.style.maxHeight = `${innerHeight - box.bottom - 16}px`
  }
  return (
    <>
      <button
        ref={button}
        type="button"
        class={props.class ?? 'button'}
        title={props.title}
        popovertarget={id}
      >
        {props.label}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        class="panel"
        onBeforeToggle={(event) => setOpen(event.newState === 'open')}
        onToggle={place}
      >
        {open && props.children()}
      </div>
    </>
  )
}
