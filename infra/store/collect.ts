import type { ClickHouseClient, ExecParams } from '@clickhouse/client'

/** Runs a statement and answers its whole result. */
export async function collect(client: ClickHouseClient, params: ExecParams): Promise<Buffer> {
  const { stream } = await client.exec(params)
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  // The embedded engine hands over one piece: no copy.
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
}
