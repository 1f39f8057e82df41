import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createAgent } from './connect.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a connection', () => {
  it('that is not ready in time is given up, as if the kernel had', async () => {
    // Takes the connection, and says nothing in the way of TLS.
    const url = `https://${await listen(createServer())}`
    const request = https.get(url, { agent: createAgent(url, {}, 20) })
    const [error] = await once(request, 'error')
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })
  })

  it('that was ready in time may be silent for longer', async () => {
    const server = http.createServer()
    const url = `http://${await listen(server)}`
    const request = http.get(url, { agent: createAgent(url, {}, 20) })
    const [, answer] = (await once(server, 'request')) as [unknown, http.ServerResponse]
    setTimeout(() => answer.end('late'), 60)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    expect(response.statusCode).toBe(200)
    response.resume()
    await once(response, 'end')
    server.closeAllConnections()
  })
})
