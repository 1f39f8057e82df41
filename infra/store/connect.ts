import { readFile } from 'node:fs/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import type { Duplex } from 'node:stream'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { errorMessage, FlamewatchError } from '../runtime/errors.ts'
import type { Address } from './addresses.ts'
import type { StoreOptions } from './options.ts'
import { MAX_QUERY_SIZE } from './statement.ts'

/** The options of a store that is a server. */
export type ServerOptions = Omit<StoreOptions, 'storeUrl'> & {
  readonly storeUrl: readonly string[]
}

// An address that swallows packets is given up long before a statement would be.
const CONNECT_TIMEOUT_MS = 5_000
// Longer than any statement may take: the store's own limits end statements before.
const REQUEST_TIMEOUT_MS = 310_000
const CONNECTIONS = 16

/**
 * A client for each address, in their order. Nothing is sent yet. Throws `option_invalid` for a file
 * that cannot be read.
 */
export async function connectAll(
  options: ServerOptions,
  database?: string,
): Promise<Address<ClickHouseClient>[]> {
  const credentials = await readCredentials(options)
  return options.storeUrl.map((url) => ({ url, client: connect(url, credentials, database) }))
}

type Credentials = {
  readonly user: string
  readonly password: string
  readonly tls: https.AgentOptions
}

async function readCredentials(options: ServerOptions): Promise<Credentials> {
  const { storeUser: user, storePassword, storePasswordFile } = options
  const { storeCa, storeCert, storeKey } = options
  if (storePasswordFile !== undefined && storePassword !== '')
    throw new FlamewatchError('option_invalid', 'The password of the store is given twice.', {
      hint: 'Give --store-password or --store-password-file, not both.',
    })
  if ((storeCert === undefined) !== (storeKey === undefined))
    throw new FlamewatchError('option_invalid', 'A certificate and its key go together.', {
      hint: 'Give both --store-cert and --store-key, or neither.',
    })
  const [passwordFile, ca, cert, key] = await Promise.all([
    readOptional('--store-password-file', storePasswordFile),
    readOptional('--store-ca', storeCa),
    readOptional('--store-cert', storeCert),
    readOptional('--store-key', storeKey),
  ])
  // An editor's line break at the end is not part of it.
  const password = passwordFile?.toString().replace(/\r?\n$/, '') ?? storePassword
  return { user, password, tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }
}

async function readOptional(flag: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (cause) {
    throw new FlamewatchError('option_invalid', `${flag}: ${errorMessage(cause)}`, { cause })
  }
}

function connect(url: string, { user, password, tls }: Credentials, database?: string) {
  // The certificate instead of a password: the server refuses both together.
  // https://clickhouse.com/docs/operations/external-authenticators/ssl-x509
  const byCertificate = tls.cert !== undefined && password === ''
  return createClient({
    url,
    username: user,
    password,
    application: 'flamewatch',
    request_timeout: REQUEST_TIMEOUT_MS,
    http_agent: createAgent(url, tls),
    ...(byCertificate && {
      set_basic_auth_header: false,
      http_headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-SSL-Certificate-Auth': 'on' },
    }),
    // A block of 1,000 profiles, 4.8 MB: zstd 1.3 MB in 21 ms, gzip 2.0 MB in 123 ms.
    compression: { request: { codec: 'zstd' }, response: { codec: 'zstd' } },
    // Errors are thrown, and logged by who handles them.
    log: { level: ClickHouseLogLevel.OFF },
    // The server answers when it has the whole result: no error can hide behind the rows before it.
    clickhouse_settings: { wait_end_of_query: 1, max_query_size: String(MAX_QUERY_SIZE) },
    ...(database === undefined ? {} : { database }),
  })
}

/** Connections that are ready within `connectTimeoutMs`, or fail as the kernel's own would. */
export function createAgent(
  url: string,
  tls: https.AgentOptions,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): http.Agent {
  const secure = url.startsWith('https:')
  const agent = secure
    ? new https.Agent({ ...tls, keepAlive: true, maxSockets: CONNECTIONS })
    : new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const createConnection = agent.createConnection.bind(agent)
  agent.createConnection = (...parameters) => {
    const socket = createConnection(...parameters)
    if (socket) limitConnecting(socket, secure ? 'secureConnect' : 'connect', connectTimeoutMs)
    return socket
  }
  return agent
}

function limitConnecting(socket: Duplex, connected: string, timeoutMs: number): void {
  const timer = setTimeout(() => {
    const error = new Error(`no connection within ${timeoutMs} ms`)
    socket.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }))
  }, timeoutMs)
  const stop = () => clearTimeout(timer)
  socket.once(connected, stop).once('close', stop)
}
