/**
 * The wiring, and the only file that may import every room: builds the whole server from a config, part by part
 * (app-*.ts), and takes it down again.
 */
import { join } from 'node:path'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { type Config, masterSecret } from '#config/index.ts'
import type { SocketServer } from '#doors/gate/sockets/index.ts'
import { AppError } from '#errors/index.ts'
import type { Executions } from '#features/executions/index.ts'
import type { Notifications } from '#features/notifications/index.ts'
import type { Retention } from '#features/retention/index.ts'
import { type FirstStart, firstStart } from '#features/setup/index.ts'
import type { WebhookDeliveries } from '#jobs/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { signal } from '#lib/signal.ts'
import { budgets } from '#metering/budget.ts'
import { limits } from '#metering/index.ts'
import { openBlobs } from '#store/blobs/index.ts'
import { type Database, openDatabase } from '#store/index.ts'
import { gathered, subscribersOf } from '#subscribers/index.ts'
import { defaultTurnsOptions, type TurnsOptions, turns } from '#turns/index.ts'
import { appDoors } from './app-doors.ts'
import { appFeatures, type FeatureOverrides } from './app-features.ts'
import { appHousekeeping } from './app-housekeeping.ts'
import { type AppJobsDeps, appJobs } from './app-jobs.ts'
import { appGate, appServer, type Patience } from './app-server.ts'

/** What tests may put in place of the real thing; nothing here changes what the server does. */
export interface Overrides extends FeatureOverrides {
  now?: () => number
  turns?: Partial<TurnsOptions>
  sockets?: { pingEveryMs?: number }
  patience?: Partial<Patience>
  /** Resolves the names of hosts that users gave. */
  lookup?: AppJobsDeps['lookup']
  /** Told of every route as it is added: the real route table, for documents and for tests of all of it. */
  onRoute?: (route: RouteOptions) => void
}

export interface Parley {
  server: FastifyInstance
  database: Database
  /** What the first start made, to be told once. */
  firstStart: FirstStart
  /** What tells people things without being asked through a door; for who drives the server from within. */
  notifications: Notifications
  executions: Executions
  /** Removes what is due to be removed, without waiting for its hour. */
  retention: Pick<Retention, 'pass'>
  /** Sends to webhooks what is due by now, without waiting for the next look. */
  deliveries: Pick<WebhookDeliveries, 'deliverDue'>
  /** Stops accepting, lets turns settle for `graceMs`, closes sockets, stops everything. */
  close(graceMs?: number): Promise<void>
}

const defaultGraceMs = 10_000
/** How long connections may stay open when all turns have ended, for answers that are still on their way. */
const lastWordsMs = 2_000

/** Builds a server that is ready to listen. Throws AppError when it cannot be (database in use, newer version, ...). */
export async function buildParley(config: Config, overrides: Overrides = {}): Promise<Parley> {
  const now = overrides.now ?? Date.now
  const secret = masterSecret(config.secret, config.dataFolder)
  let live: SocketServer | undefined
  const server = appServer({
    config,
    takesUpgrade: (request) => live?.takes(request) === true,
    onRoute: overrides.onRoute,
    patience: overrides.patience,
  })
  const { log } = server

  let wakeJobs: () => void = () => undefined
  const database = await openDatabase({
    ...(config.databaseUrl !== undefined && { url: config.databaseUrl }),
    folder: config.dataFolder,
    subscribersOf,
    gathered,
    now,
    onTold: () => wakeJobs(),
  })
  const blobs = await openBlobs({
    folder: join(config.dataFolder, 'blobs'),
    // The lock of the embedded database is on the folder; a PostgreSQL may have several processes.
    exclusive: config.databaseUrl === undefined,
    secretKey: deriveKey(secret, 'blobs'),
    now,
    ...(config.s3 && { s3: config.s3 }),
  })
  const setup = await firstStart({ database, now }, config.owner)

  const accessChanged = signal()
  const features = await appFeatures({
    config,
    database,
    blobs,
    now,
    log,
    secret,
    accessChanged,
    catchUp: () => jobs.queue.catchUp('subscriber:history'),
    bookCall: (...booked) => engine.book(...booked),
    overrides,
  })

  const jobs = appJobs({ ...features, database, now, log, secret, config, lookup: overrides.lookup })
  wakeJobs = jobs.queue.wake
  jobs.open()
  features.history.ready()

  const engine = turns({
    database,
    conversations: features.conversations,
    apps: features.apps,
    models: {
      openModel: features.upstreams.openModel,
      resolve(name) {
        const found = features.upstreams.findModel(name)
        if (!found)
          throw new AppError('not-found', `The model '${name}' does not exist`, { details: { field: 'model' } })
        return { model: name === 'auto' ? found.id : name, price: found.price }
      },
      isOffered: (name) => features.upstreams.findModel(name) !== undefined,
    },
    guardrails: { forTurn: features.guardrails.forTurn, asking: features.asking },
    budgets: budgets({ database, now }),
    // The registry of server tools arrives with the tools room; until then there is none, and no request can name one.
    findTool: () => undefined,
    runTool: async (call) => ({ result: `There is no tool named ${call.name}.`, isError: true }),
    now,
    log,
    options: { ...defaultTurnsOptions, ...overrides.turns },
  })
  await engine.open()
  features.retention.open()
  const housekeeping = appHousekeeping({ features, turns: engine, webhooks: jobs.webhooks, log })

  const rates = limits({ ...config.limits, now })
  await appGate(server, { config, auth: features.auth, limits: rates })
  let settled: Promise<void> = Promise.resolve()
  live = await appDoors(server, {
    config,
    sockets: { ...config.sockets, ...overrides.sockets },
    database,
    blobs,
    now,
    log,
    features,
    turns: engine,
    webhooks: jobs.webhooks,
    limits: rates,
    accessChanged,
    workspaceChanged: jobs.workspaceChanged,
    settled: () => settled,
  })

  async function close(graceMs = defaultGraceMs): Promise<void> {
    // New requests are refused from here on; streams that are open end with their turns.
    settled = engine.close(graceMs)
    // Who never finishes saying what he wants, or takes no byte of his answer, must not keep the process.
    void settled.then(() => setTimeout(() => server.server.closeAllConnections(), lastWordsMs).unref())
    await server.close()
    await housekeeping.close()
    await features.retention.close()
    await jobs.close()
    await features.close()
    await database.close()
  }

  return {
    server,
    database,
    firstStart: setup,
    notifications: features.notifications,
    executions: features.executions,
    retention: features.retention,
    deliveries: jobs.deliveries,
    close,
  }
}
