import { dateTime64s, nativeBlock, strings } from '../../infra/store/native.ts'
import { sql } from '../../infra/store/sql.ts'
import type { Store } from '../../infra/store/store.ts'
import type { Deploy } from '../api.ts'
import { formatTime } from '../time.ts'
import { readLives } from './lives.ts'
import type { Reader } from './reader.ts'

/** What is told about a deploy; '' = nothing. */
export type DeployNote = {
  readonly service: string
  readonly version: string
  readonly commit: string
  readonly link: string
}

/** Found by the first profile of each version, with what was told; the newest first. */
export async function readDeploys(
  reader: Reader,
  service: string | undefined,
  limit: number,
): Promise<Deploy[]> {
  const [lives, hosts, notes] = await Promise.all([
    readLives(reader, service),
    readHosts(reader, service),
    readNotes(reader, service),
  ])
  const newest = lives.toSorted((a, b) => b.firstMs - a.firstMs || (a.version < b.version ? -1 : 1))
  return newest.slice(0, limit).map((life) => {
    const key = keyOf(life)
    const note = notes.get(key)
    return {
      service: life.service,
      version: life.version,
      firstSeen: formatTime(life.firstMs),
      lastSeen: formatTime(life.lastMs),
      hosts: hosts.get(key) ?? 0,
      commit: note?.commit ?? '',
      link: note?.link ?? '',
    }
  })
}

/** The last that was told holds; one that is told before the version is seen waits for it. */
export async function writeDeploy(
  store: Store,
  tenant: string,
  note: DeployNote,
  nowMs: number,
): Promise<void> {
  const block = nativeBlock({
    tenant: strings([tenant]),
    service: strings([note.service]),
    version: strings([note.version]),
    commit: strings([note.commit]),
    link: strings([note.link]),
    told_at: dateTime64s([nowMs]),
  })
  await store.insert('deploys', block, null)
}

async function readHosts(reader: Reader, service?: string): Promise<Map<string, number>> {
  const rows = await reader.rows<{ service: string; version: string; hosts: string }>(sql`
    SELECT service, version, uniqExact(host) AS hosts FROM series
    WHERE tenant = ${reader.tenant}${ofService(service)} GROUP BY service, version`)
  return new Map(rows.map((row) => [keyOf(row), Number(row.hosts)]))
}

async function readNotes(reader: Reader, service?: string): Promise<Map<string, DeployNote>> {
  const rows = await reader.rows<DeployNote>(sql`
    SELECT service, version, commit, link FROM deploys FINAL
    WHERE tenant = ${reader.tenant}${ofService(service)}`)
  return new Map(rows.map((row) => [keyOf(row), row]))
}

function ofService(service: string | undefined) {
  return service === undefined ? sql`` : sql` AND service = ${service}`
}

function keyOf({ service, version }: { readonly service: string; readonly version: string }) {
  return JSON.stringify([service, version])
}
