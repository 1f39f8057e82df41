import type { OpenAPIHono } from '@hono/zod-openapi'
import { answerError, createApi } from '../infra/runtime/api.ts'
import type { QueryContext } from './context.ts'
import { addAudit } from './routes/audit.ts'
import { addDeploys } from './routes/deploys.ts'
import { addDiff } from './routes/diff.ts'
import { addFlamegraph } from './routes/flamegraph.ts'
import { addFunctions } from './routes/functions.ts'
import { addHosts } from './routes/hosts.ts'
import { addLabels } from './routes/labels.ts'
import { addNeighbours } from './routes/neighbours.ts'
import { addRegressions } from './routes/regressions.ts'
import { addSeries } from './routes/series.ts'
import { addServices } from './routes/services.ts'

/** All routes of the room, without a port: tests call `app.request(url)`. */
export function createApp(context: QueryContext): OpenAPIHono {
  const app = createApi()
  app.onError((error, c) => answerError(error, c, context.log))
  addServices(app, context)
  addLabels(app, context)
  addSeries(app, context)
  addFlamegraph(app, context)
  addDiff(app, context)
  addFunctions(app, context)
  addNeighbours(app, context)
  addHosts(app, context)
  addAudit(app, context)
  addRegressions(app, context)
  addDeploys(app, context)
  return app
}
