import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { parseProfileType } from '../../infra/contract/profile.ts'
import { answerBytes } from '../../infra/runtime/compress.ts'
import type { AnsweredSide, AnsweredTree } from '../read/answer.ts'
import { COLUMNS_TYPE, encodeColumns } from '../tree/columns.ts'
import { formatFolded } from '../tree/folded.ts'
import { encodePprof } from '../tree/pprof.ts'
import { drawSvg } from '../tree/svg.ts'
import type { Drawing } from './drawing.ts'

// Trees as files. A browser that opens one of these saves it; `curl -O -J` too.

const bytes = z.string().openapi({ format: 'binary' })

/** What a route with formats answers besides JSON, for its OpenAPI entry. */
export const fileFormats = {
  [COLUMNS_TYPE]: { schema: bytes },
  'application/octet-stream': { schema: bytes },
  'text/plain': { schema: z.string() },
  'image/svg+xml': { schema: z.string() },
}

/** Little-endian columns: the end of query/api.ts lays them out. */
export function sendColumns(c: Context, { answer, layout, comparison }: Drawing): Response {
  const [a, b] = answer.sides as readonly [AnsweredSide, AnsweredSide | undefined]
  const header = {
    type: a.scope.type,
    unit: answer.unit,
    a: a.side,
    ...(b && { b: b.side }),
    ...(comparison && { normalize: comparison.normalize, certainty: comparison.certainty }),
    truncated: layout.truncated,
    source: answer.source,
  }
  const columns = encodeColumns(layout, header, comparison?.confidence ?? null)
  return send(c, COLUMNS_TYPE, columns)
}

/** Always gzip, as pprof files are. */
export function sendPprof(c: Context, answer: AnsweredTree, index: number): Response {
  const { scope, facts } = answer.sides[index] as AnsweredSide
  const type = parseProfileType(scope.type)
  if (type === null) throw new Error(`not a profile type: ${scope.type}`)
  const pieces = encodePprof(answer.tree, index, {
    type,
    period: facts.samplesPerValue === null ? 0 : Math.round(1 / facts.samplesPerValue),
    ...scope.range,
  })
  name(c, `${type.name}.pb.gz`)
  // A client that goes away ends the pipeline: that is no error of ours.
  const body = pipeline(Readable.from(pieces), createGzip({ level: 1 }), () => {})
  return sendStream(c, 'application/octet-stream', Readable.toWeb(body))
}

export function sendFolded(c: Context, answer: AnsweredTree): Response {
  name(c, 'stacks.folded')
  const text = ReadableStream.from(formatFolded(answer.tree))
  return sendStream(c, 'text/plain; charset=utf-8', text.pipeThrough(new TextEncoderStream()))
}

export function sendSvg(c: Context, { answer, layout, scales, comparison }: Drawing): Response {
  const queries = answer.sides.map(({ side }) => side.query)
  const svg = drawSvg(layout, {
    title: queries.length === 2 ? `A ${queries[0]}  B ${queries[1]}` : (queries[0] as string),
    unit: answer.unit,
    scales,
    confidence: comparison?.confidence ?? null,
  })
  return send(c, 'image/svg+xml', Buffer.from(svg))
}

function name(c: Context, file: string): void {
  c.header('Content-Disposition', `attachment; filename="${file}"`)
}

function send(c: Context, type: string, body: Uint8Array): Response {
  c.header('Content-Type', type)
  return answerBytes(c, body as Uint8Array<ArrayBuffer>)
}

function sendStream(c: Context, type: string, body: ReadableStream): Response {
  c.header('Content-Type', type)
  // Says that the answer is made while it is sent.
  c.header('Transfer-Encoding', 'chunked')
  return c.body(body)
}
