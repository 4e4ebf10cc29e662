/** A part of the wiring: every door, each in a scope of its own with what it needs of the house. */
import cookie from '@fastify/cookie'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from '#config/index.ts'
import { appDoor, appErrors } from '#doors/app/index.ts'
import { blobsDoor } from '#doors/blobs/index.ts'
import { chatSocketDoor } from '#doors/chat-socket/index.ts'
import { countRequests, type Scoped, useErrors, useNotFound } from '#doors/gate/index.ts'
import { type SocketServer, type SocketsDeps, sockets } from '#doors/gate/sockets/index.ts'
import { healthDoor } from '#doors/health/index.ts'
import { kadalDoor } from '#doors/kadal/index.ts'
import { kadalAuthDoor } from '#doors/kadal-auth/index.ts'
import { nodeToolSocketDoor } from '#doors/nodetool-socket/index.ts'
import { openAiDoor } from '#doors/openai/index.ts'
import { operationsDoor } from '#doors/operations/index.ts'
import { realtimeDoor } from '#doors/realtime/index.ts'
import { AppError } from '#errors/index.ts'
import { machineLoad } from '#lib/machine-load.ts'
import { metrics } from '#lib/metrics.ts'
import { processMetrics } from '#lib/process-metrics.ts'
import type { Signal } from '#lib/signal.ts'
import { withinMs } from '#lib/within.ts'
import { type Limits, limiter, networkOf } from '#metering/index.ts'
import type { Blobs } from '#store/blobs/index.ts'
import type { Database } from '#store/index.ts'
import { countTurns, type Turns } from '#turns/index.ts'
import packageJson from '../package.json' with { type: 'json' }
import type { AppFeatures } from './app-features.ts'
import type { AppJobs } from './app-jobs.ts'
import { shapeOf } from './app-server.ts'

export interface AppDoorsDeps {
  config: Pick<Config, 'dataFolder' | 'limits' | 'registration' | 'trustProxy'>
  /** What sockets may cost, and how often they are pinged. */
  sockets: Pick<SocketsDeps, 'maxFrameBytes' | 'limits' | 'pingEveryMs'>
  database: Pick<Database, 'read'>
  blobs: Blobs
  now(): number
  log: FastifyBaseLogger
  features: AppFeatures
  turns: Turns
  webhooks: AppJobs['webhooks']
  /** The rates of requests, as the gate counts them. */
  limits: Limits
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
  /** Fired after something was changed in a workspace. */
  workspaceChanged: AppJobs['workspaceChanged']
  /** Asked when the server stops: until then sockets stay open. */
  settled(): Promise<void>
}

/** Logins of one name from one address: enough for a person who mistypes, useless for guessing. */
const loginRate = { count: 10, perMs: 60_000, burst: 10 }

/** What takes longer to answer is as good as gone. */
const databaseAnswersMs = 5_000

/** Adds the doors to a server that has its gate. Gives back the sockets, to be asked about every upgrade. */
export async function appDoors(server: FastifyInstance, deps: AppDoorsDeps): Promise<SocketServer> {
  const { config, database, blobs, now, log, features, limits, accessChanged, workspaceChanged } = deps
  const loginLimit = loginLimitOf(deps)
  const figures = metrics()
  processMetrics(figures)
  const turnsOf = countTurns(deps.turns, figures)
  const requests = figures.counter('parley_http_requests_total', 'Answered requests, by door.', ['door', 'status'])
  const inScope = (name: string, door: (scope: Scoped) => Promise<void> | void) =>
    server.register(async (scope) => {
      countRequests(scope, requests, name)
      await door(scope as unknown as Scoped)
    })

  await inScope('openai', (scope) =>
    openAiDoor(scope, { ...features, webhooks: deps.webhooks, turns: turnsOf('openai') }),
  )
  // Cookies and sockets hook into every request of their scope, so only the doors that need them are in it.
  await inScope('app', async (scope) => {
    await scope.register(cookie)
    appDoor(scope, { ...features, turns: turnsOf('app'), loginLimit, registration: config.registration })
  })
  await inScope('kadal', (scope) =>
    kadalDoor(scope, {
      ...features,
      turns: turnsOf('kadal'),
      // There is no store of files yet: whatever is named is not there.
      files: { find: async () => undefined },
    }),
  )
  await inScope('kadal-auth', (scope) => kadalAuthDoor(scope, { auth: features.auth, loginLimit }))
  let live: SocketServer | undefined
  await inScope('sockets', (scope) => {
    useErrors(scope, appErrors)
    live = sockets(scope, {
      now,
      log,
      accessChanged,
      trustProxy: config.trustProxy,
      rates: limits,
      networkOf,
      metrics: figures,
      ...deps.sockets,
    })
    // Sockets stay open while turns settle, and are told to go then.
    scope.addHook('preClose', async () => {
      await deps.settled()
      live?.closeAll(1001, 'Server is stopping')
    })
    const shared = { ...features, limits, metrics: figures, now, log }
    chatSocketDoor(live, { ...shared, turns: turnsOf('chat-socket') })
    nodeToolSocketDoor(live, { ...shared, turns: turnsOf('nodetool-socket') })
    realtimeDoor(live, { ...features, accessChanged, workspaceChanged, now, log })
  })
  await inScope('operations', (scope) =>
    operationsDoor(scope, { users: features.users, sockets: live!, metrics: figures, errors: appErrors }),
  )
  await inScope('blobs', (scope) => blobsDoor(scope, { blobs, errors: appErrors }))
  await inScope('health', (scope) =>
    healthDoor(scope, {
      version: packageJson.version,
      now,
      notReady: async () => {
        try {
          let answered = false
          const ask = async () => {
            await database.read.selectFrom('schema_migrations').select('version').executeTakeFirst()
            answered = true
          }
          // A database that hangs refuses nothing, and whoever watches the process would wait with it.
          await withinMs(databaseAnswersMs, ask())
          return answered ? undefined : 'The database does not answer'
        } catch {
          return 'The database does not answer'
        }
      },
      noBlobs: blobs.check,
      load: () => machineLoad(config.dataFolder),
    }),
  )
  useNotFound(server, shapeOf, requests.cell('none', '4xx'))
  return live!
}

/** Throws `rate-limited` when a name was tried too often; never where the server has no limits. */
function loginLimitOf({ config, now }: Pick<AppDoorsDeps, 'config' | 'now'>): (key: string) => void {
  const logins = limiter(loginRate, now)
  return (key) => {
    const state = config.limits ? logins.take(key) : undefined
    if (state && !state.allowed)
      throw new AppError('rate-limited', 'Too many attempts; try again later', { retryAfterMs: state.retryAfterMs })
  }
}
