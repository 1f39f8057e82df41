import { useEffect, useState } from 'preact/hooks'

/** An answer on its way, there, or failed. While a new one loads the last one stays to be shown. */
export type Answer<T> = {
  readonly value: T | null
  readonly error: Error | null
  readonly loading: boolean
  readonly retry: () => void
}

/**
 * Asks again whenever `key` changes and aborts the question before it. A null key asks nothing.
 * `key` must name everything `ask` uses.
 */
export function useAnswer<T>(
  key: string | null,
  ask: (signal: AbortSignal) => Promise<T>,
): Answer<T> {
  const [attempt, setAttempt] = useState(0)
  const [state, setState] = useState<{ key: string | null; value: T | null; error: Error | null }>({
    key: null,
    value: null,
    error: null,
  })
  const wanted = key === null ? null : `${attempt} ${key}`
  useEffect(() => {
    if (wanted === null) return
    const controller = new AbortController()
    ask(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setState({ key: wanted, value, error: null })
      },
      (error: unknown) => {
        if (controller.signal.aborted) return
        const failure = error instanceof Error ? error : new Error(String(error))
        setState((last) => ({ key: wanted, value: last.value, error: failure }))
      },
    )
    return () => controller.abort()
  }, [wanted])
  const settled = state.key === wanted
  return {
    value: wanted === null ? null : state.value,
    error: settled ? state.error : null,
    loading: wanted !== null && !settled,
    retry: () => setAttempt((n) => n + 1),
  }
}
