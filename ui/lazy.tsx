import type { FunctionComponent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Failure, Progress } from './elements/notice.tsx'

/** A part of the page whose code is fetched when it is first shown, or before by `load`. */
export type Lazy<P> = { readonly View: FunctionComponent<P>; readonly load: () => void }

export function lazy<P extends object>(fetchView: () => Promise<FunctionComponent<P>>): Lazy<P> {
  let view: FunctionComponent<P> | null = null
  let loading: Promise<void> | null = null

  function start(): Promise<void> {
    loading ??= fetchView().then(
      (fetched) => {
        view = fetched
      },
      (error: unknown) => {
        loading = null
        throw error
      },
    )
    return loading
  }

  function View(props: P) {
    const [error, setError] = useState<Error | null>(null)
    const [, setThere] = useState(view !== null)
    const fetchNow = (): void => {
      setError(null)
      start().then(
        () => setThere(true),
        (reason: unknown) => setError(reason instanceof Error ? reason : new Error(String(reason))),
      )
    }
    useEffect(fetchNow, [])
    if (error)
      return (
        <Failure what="A part of the page could not be loaded." error={error} onRetry={fetchNow} />
      )
    const There = view
    return There ? <There {...props} /> : <Progress on={true} />
  }

  return { View, load: () => void start().catch(() => undefined) }
}
