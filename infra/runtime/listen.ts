import type { Server } from 'node:http'
import { isIP } from 'node:net'
import { FlamewatchError } from './errors.ts'

export type ListenAddress = {
  /** Without brackets. '' = every address of the machine. */
  readonly host: string
  readonly port: number
}

/** Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address). Throws `option_invalid`. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new FlamewatchError(
      'option_invalid',
      `Expected a listen address HOST:PORT, got ${JSON.stringify(text)}.`,
      { hint: 'For example 127.0.0.1:3526, [::1]:3526, or :3526 for every address.' },
    )
  return { host: match[1] ?? match[2] ?? '', port }
}

/** True where only this machine can connect. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  if (isIP(host) === 4) return host.startsWith('127.')
  return isIP(host) === 6 && /^(0*:)+0*1$|^::ffff:127\./i.test(host)
}

/** Without tokens anybody who can connect reads every profile: refused beyond this machine. */
export function refuseOpenListen(
  address: ListenAddress,
  tokens: readonly string[],
  insecure: boolean,
): void {
  if (isLoopback(address.host) || tokens.length > 0 || insecure) return
  throw new FlamewatchError(
    'listen_refused',
    `Listening on ${formatListen(address)} without tokens would let anybody who can connect read every profile.`,
    {
      hint:
        'Set tokens (FLAMEWATCH_TOKENS), listen on 127.0.0.1, or pass --insecure if the network ' +
        'itself keeps strangers out.',
    },
  )
}

export function formatListen({ host, port }: ListenAddress): string {
  if (host === '') return `:${port}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Listens and answers the port really taken (port 0 = any free one). Throws `address_in_use`. */
export function listen(server: Server, address: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => reject(explainListenError(cause, address))
    server.once('error', onError)
    const onListening = () => {
      server.off('error', onError)
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : address.port)
    }
    if (address.host === '') server.listen(address.port, onListening)
    else server.listen(address.port, address.host, onListening)
  })
}

function explainListenError(cause: NodeJS.ErrnoException, address: ListenAddress): FlamewatchError {
  const at = formatListen(address)
  if (cause.code === 'EADDRINUSE')
    return new FlamewatchError('address_in_use', `Another process already listens on ${at}.`, {
      hint: `Stop it (ss -ltnp 'sport = :${address.port}' names it) or choose another --listen HOST:PORT.`,
      cause,
    })
  return new FlamewatchError('option_invalid', `listen on ${at}: ${cause.message}`, {
    hint: 'Choose an address of this machine and a port this user may bind: --listen HOST:PORT.',
    cause,
  })
}
