import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { serveMetrics } from '../../collector/metrics-server.ts'
import { RIGHTS } from '../../collector/rights.ts'
import { parseListen } from '../../infra/runtime/listen.ts'
import { silentLog } from '../../infra/runtime/log.ts'
import { createMetrics } from '../../infra/runtime/metrics.ts'
import { createSite } from '../../infra/runtime/site.ts'
import { buildKustomization, readObjects, type Tree } from '../fixtures/deploy/kustomize.ts'
import { readLaunch } from '../fixtures/deploy/options.ts'

// The manifests against the code they start: options, ports, health, rights, and what they name.

const DEPLOY = join(import.meta.dirname, '../../infra/deploy')
const KUBERNETES = join(DEPLOY, 'kubernetes')
const OVERLAYS = readdirSync(join(KUBERNETES, 'overlays'))

const Ref = z.strictObject({ name: z.string(), key: z.string() })
const Probe = z.object({ httpGet: z.strictObject({ path: z.string(), port: z.string() }) })
const Container = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  env: z
    .array(
      z.strictObject({
        name: z.string(),
        value: z.string().optional(),
        valueFrom: z
          .strictObject({
            configMapKeyRef: Ref.optional(),
            secretKeyRef: Ref.optional(),
            fieldRef: z.strictObject({ fieldPath: z.string() }).optional(),
          })
          .optional(),
      }),
    )
    .default([]),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.number() })).default([]),
  readinessProbe: Probe.optional(),
  livenessProbe: Probe.optional(),
  securityContext: z.object({
    privileged: z.literal(false).optional(),
    runAsNonRoot: z.boolean().optional(),
    readOnlyRootFilesystem: z.literal(true),
    allowPrivilegeEscalation: z.literal(false),
    capabilities: z.strictObject({
      drop: z.tuple([z.literal('ALL')]),
      add: z.array(z.string()).optional(),
    }),
  }),
  resources: z.object({ requests: z.object({}), limits: z.object({ memory: z.string() }) }),
  volumeMounts: z
    .array(
      z.strictObject({
        name: z.string(),
        mountPath: z.string(),
        readOnly: z.boolean().default(false),
      }),
    )
    .default([]),
})
type Container = z.infer<typeof Container>

const Labels = z.record(z.string(), z.string())
const Workload = z.object({
  kind: z.enum(['Deployment', 'DaemonSet', 'Job']),
  metadata: z.object({ name: z.string(), namespace: z.literal('flamewatch') }),
  spec: z.object({
    selector: z.object({ matchLabels: Labels }).optional(),
    template: z.object({
      metadata: z.object({ labels: Labels }),
      spec: z.object({
        hostPID: z.boolean().optional(),
        hostNetwork: z.undefined().optional(),
        automountServiceAccountToken: z.literal(false),
        containers: z.array(Container).length(1),
      }),
    }),
  }),
})
type Workload = z.infer<typeof Workload>

const ConfigMap = z.object({ kind: z.literal('ConfigMap'), data: Labels })
const Service = z.object({
  kind: z.literal('Service'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: Labels,
    ports: z.array(z.object({ port: z.number(), targetPort: z.string() })),
  }),
})
const Budget = z.object({
  kind: z.literal('PodDisruptionBudget'),
  spec: z.object({ maxUnavailable: z.number(), selector: z.object({ matchLabels: Labels }) }),
})

function objectsOf<T extends z.ZodType>(schema: T, kinds: string[], objects: readonly Tree[]) {
  return objects
    .filter(({ kind }) => kinds.includes(String(kind)))
    .map((object): z.infer<T> => schema.parse(object))
}

const containerOf = ({ spec }: Workload) => spec.template.spec.containers[0] as Container

it('every manifest is read', () => {
  const files = readdirSync(KUBERNETES, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('kustomization.yaml'))
    .map((file) => join(KUBERNETES, file))
  expect(files.length).toBeGreaterThanOrEqual(6)
  for (const file of files) expect(readObjects(file).length, file).toBeGreaterThan(0)
})

describe.each(OVERLAYS)('the overlay %s', (overlay) => {
  const objects = buildKustomization(join(KUBERNETES, 'overlays', overlay))
  const workloads = objectsOf(Workload, ['Deployment', 'DaemonSet', 'Job'], objects)
  const configuration = Object.assign(
    {},
    ...objectsOf(ConfigMap, ['ConfigMap'], objects).map(({ data }) => data),
  ) as Record<string, string>
  const readme = readFileSync(join(DEPLOY, 'README.md'), 'utf8')

  /** Values of variables: those of the ConfigMap as they are, secrets and fields made up. */
  function environmentOf({ env }: Container): Record<string, string> {
    return Object.fromEntries(
      env.map(({ name, value, valueFrom }) => {
        const { configMapKeyRef, secretKeyRef } = valueFrom ?? {}
        if (configMapKeyRef) expect(configuration, name).toHaveProperty([configMapKeyRef.key])
        if (secretKeyRef) expect(readme).toContain(`--from-literal=${secretKeyRef.key}=`)
        const made = configMapKeyRef ? configuration[configMapKeyRef.key] : 'made-up'
        return [name, value ?? made ?? '']
      }),
    )
  }

  async function optionsOf(workload: Workload) {
    const container = containerOf(workload)
    const isCollector = container.image.startsWith('flamewatch/collector:')
    const [command = '', ...args] = isCollector ? ['collect', ...container.args] : container.args
    const where = `${overlay} ${workload.metadata.name}`
    return readLaunch({ where, command, args, environment: environmentOf(container) })
  }

  it.each(workloads.map((workload) => [workload.metadata.name, workload] as const))(
    '%s is started with options the command knows, and listens where the manifest says',
    async (_, workload) => {
      const options = await optionsOf(workload)
      const listen = options['metrics'] ?? (workload.kind === 'Job' ? undefined : options['listen'])
      const { ports } = containerOf(workload)
      expect(ports.map(({ containerPort }) => containerPort)).toEqual(
        typeof listen === 'string' ? [parseListen(listen).port] : [],
      )
    },
  )

  it('asks for health at routes that are there and open', async () => {
    const log = silentLog()
    const site = createSite({ apps: [], tokens: ['secret'], log, metrics: createMetrics() })
    const metrics = await serveMetrics(createMetrics(), '127.0.0.1:0', false)
    const probes = workloads.flatMap((workload) => {
      const { readinessProbe, livenessProbe, ports } = containerOf(workload)
      return [readinessProbe, livenessProbe].flatMap((probe) => {
        if (!probe) return []
        expect(ports.map(({ name }) => name)).toContain(probe.httpGet.port)
        return [{ kind: workload.kind, path: probe.httpGet.path }]
      })
    })
    expect(probes).toHaveLength(5)
    for (const { kind, path } of probes) {
      const answer =
        kind === 'DaemonSet' ? await fetch(new URL(path, metrics.url)) : await site.request(path)
      expect(answer.status, `${kind} ${path}`).toBe(200)
    }
    await metrics.close()
  })

  it('leads services and budgets to one workload each, and to its port', () => {
    const services = objectsOf(Service, ['Service'], objects)
    const found = (selector: z.infer<typeof Labels>) =>
      workloads.filter(({ spec }) =>
        Object.entries(selector).every(([k, v]) => spec.template.metadata.labels[k] === v),
      )
    for (const { metadata, spec } of services) {
      const [workload, ...others] = found(spec.selector)
      expect(others, metadata.name).toEqual([])
      const names = workload ? containerOf(workload).ports.map(({ name }) => name) : []
      for (const { targetPort } of spec.ports) expect(names, metadata.name).toContain(targetPort)
    }
    for (const { spec } of objectsOf(Budget, ['PodDisruptionBudget'], objects))
      expect(found(spec.selector.matchLabels)).toHaveLength(1)
    for (const { kind, spec, metadata } of workloads)
      if (kind !== 'Job')
        expect(spec.selector?.matchLabels, metadata.name).toEqual(spec.template.metadata.labels)
    const server = new URL(configuration['server'] ?? '')
    const named = services.find(({ metadata }) => metadata.name === server.hostname)
    expect(named?.spec.ports.map(({ port }) => String(port))).toContain(server.port)
  })

  it('runs everything but the collector as nobody, without any right', () => {
    for (const workload of workloads.filter(({ kind }) => kind !== 'DaemonSet')) {
      const { securityContext } = containerOf(workload)
      expect(securityContext.runAsNonRoot, workload.metadata.name).toBe(true)
      expect(securityContext.capabilities.add).toBeUndefined()
      expect(workload.spec.template.spec.hostPID).toBeUndefined()
    }
  })

  it('gives the collector the rights it names itself and no others', () => {
    const collector = workloads.find(({ kind }) => kind === 'DaemonSet') as Workload
    const { securityContext, volumeMounts } = containerOf(collector)
    expect(new Set(securityContext.capabilities.add)).toEqual(
      new Set(RIGHTS.map(({ capability }) => capability.replace('CAP_', ''))),
    )
    expect(collector.spec.template.spec.hostPID).toBe(true)
    const writable = volumeMounts.filter(({ readOnly }) => !readOnly)
    expect(writable.map(({ mountPath }) => mountPath)).toEqual([
      /FLAMEWATCH_SPOOL=(\S+)/.exec(
        readFileSync(join(DEPLOY, 'collector.Dockerfile'), 'utf8'),
      )?.[1],
    ])
  })
})
