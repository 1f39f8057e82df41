import { panRange, type Range, zoomRange } from './viewport.ts'

/** What gestures move: a range of values seen in a canvas inside a scrolling element. */
export type Movable = {
  readonly range: Range
  /** Width of the whole in value space. */
  readonly total: number
  readonly moveTo: (range: Range) => void
  readonly point: (clientX: number, clientY: number) => void
  readonly leave: () => void
  readonly pick: (clientX: number, clientY: number) => void
}

const CLICK_PX = 4
// A notch of a wheel is 100 or 120, a pinch on a touch pad sends many small steps.
const MOST_STEP = 240

/**
 * Ctrl and wheel zooms, Shift and wheel or a sideways wheel pans, a drag moves both ways, two fingers
 * pinch; a press that does not move picks. Plain wheel and one finger up and down scroll as ever.
 */
export function listenToGestures(
  scroller: HTMLElement,
  canvas: HTMLCanvasElement,
  view: Movable,
  signal: AbortSignal,
): void {
  const fingers = new Map<number, { x: number; y: number }>()

  const shareAt = (clientX: number): number => {
    const box = canvas.getBoundingClientRect()
    return Math.min(1, Math.max(0, (clientX - box.left) / box.width))
  }

  function wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault()
      const step = Math.max(-MOST_STEP, Math.min(MOST_STEP, event.deltaY))
      view.moveTo(zoomRange(view.range, shareAt(event.clientX), 1.0035 ** step, view.total))
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault()
      const step = event.deltaX === 0 ? event.deltaY : event.deltaX
      view.moveTo(panRange(view.range, step / canvas.clientWidth, view.total))
    }
  }

  function press(down: PointerEvent): void {
    // The scroll bar belongs to the browser.
    if (down.button !== 0 || down.offsetX > canvas.clientWidth) return
    const isTouch = down.pointerType === 'touch'
    if (isTouch) fingers.set(down.pointerId, { x: down.clientX, y: down.clientY })
    let moved = fingers.size > 1
    let [lastX, lastY] = [down.clientX, down.clientY]
    const until = new AbortController()
    const options = { signal: AbortSignal.any([until.signal, signal]) }

    function move(event: PointerEvent): void {
      if (event.pointerId !== down.pointerId) return
      const far = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY)
      if (!moved && far < CLICK_PX) return
      if (!moved) view.leave()
      moved = true
      scroller.classList.add('is-dragging')
      if (fingers.size > 1) pinch(event)
      else {
        if (!isTouch) scroller.scrollTop -= event.clientY - lastY
        view.moveTo(panRange(view.range, (lastX - event.clientX) / canvas.clientWidth, view.total))
      }
      ;[lastX, lastY] = [event.clientX, event.clientY]
    }
    function release(event: PointerEvent): void {
      if (event.pointerId !== down.pointerId) return
      until.abort()
      fingers.delete(down.pointerId)
      scroller.classList.remove('is-dragging')
      if (!moved && event.type === 'pointerup') view.pick(event.clientX, event.clientY)
    }
    window.addEventListener('pointermove', move, options)
    window.addEventListener('pointerup', release, options)
    window.addEventListener('pointercancel', release, options)
  }

  // Each finger moves by itself: the distance to the others before and after says how far to zoom.
  function pinch(event: PointerEvent): void {
    const before = fingers.get(event.pointerId)
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1]
    if (!before || !other) return
    const distance = (x: number): number => Math.max(20, Math.abs(x - other.x))
    const factor = distance(before.x) / distance(event.clientX)
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    view.moveTo(zoomRange(view.range, shareAt((event.clientX + other.x) / 2), factor, view.total))
  }

  function hover(event: PointerEvent): void {
    if (event.buttons === 0 && event.pointerType !== 'touch')
      view.point(event.clientX, event.clientY)
  }

  scroller.addEventListener('wheel', wheel, { signal, passive: false })
  scroller.addEventListener('pointerdown', press, { signal })
  scroller.addEventListener('pointermove', hover, { signal })
  scroller.addEventListener('pointerleave', view.leave, { signal })
}
