import { z } from 'zod'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'

// Commands that ask a running server.

const ANSWER_TIMEOUT_MS = 120_000

const ErrorAnswer = z.object({
  error: z.object({ message: z.string(), hint: z.string().optional() }),
})

/**
 * GET of a path with parameters, undefined ones left out; answers the body. Throws
 * `server_unreachable`, or `server_refused` with the server's own words and status.
 */
export async function askServer(
  { server, token }: { readonly server: URL; readonly token?: string | undefined },
  path: string,
  parameters: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const url = new URL(path, server)
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value)
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    text = await response.text()
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error
    const why = errorMessage(cause) || String((cause as NodeJS.ErrnoException).code)
    throw new FlamewatchError('server_unreachable', `${server.origin} does not answer: ${why}`, {
      hint: 'Start one with `flamewatch up`, or name another with --server URL.',
      retriable: true,
      cause: error,
    })
  }
  if (response.ok) return text
  const words = readError(text)
  throw new FlamewatchError(
    'server_refused',
    words?.message ?? `${server.origin} answered ${response.status}.`,
    { status: response.status, ...(words?.hint !== undefined && { hint: words.hint }) },
  )
}

function readError(text: string): z.infer<typeof ErrorAnswer>['error'] | undefined {
  try {
    return ErrorAnswer.safeParse(JSON.parse(text)).data?.error
  } catch {
    return undefined
  }
}
