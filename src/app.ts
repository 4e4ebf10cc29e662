/** The wiring: the only file that may import every room. Builds the whole server from a config, and takes it down again. */
import { join } from 'node:path'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, LogController, type RouteOptions } from 'fastify'
import { type Config, masterSecret } from '#config/index.ts'
import { appDoor, appErrors } from '#doors/app/index.ts'
import { blobsDoor } from '#doors/blobs/index.ts'
import { chatSocketDoor } from '#doors/chat-socket/index.ts'
import {
  countRequests,
  gate,
  requestId,
  requestLog,
  routerErrors,
  type Scoped,
  type ShapeOf,
  useErrors,
  useNotFound,
  useValidators,
} from '#doors/gate/index.ts'
import { type SocketServer, sockets } from '#doors/gate/sockets/index.ts'
import { healthDoor } from '#doors/health/index.ts'
import { kadalDoor } from '#doors/kadal/index.ts'
import { kadalAuthDoor, kadalErrors, oauthErrors } from '#doors/kadal-auth/index.ts'
import { nodeToolSocketDoor } from '#doors/nodetool-socket/index.ts'
import { openAiDoor, openAiErrors } from '#doors/openai/index.ts'
import { operationsDoor } from '#doors/operations/index.ts'
import { realtimeDoor } from '#doors/realtime/index.ts'
import { type AskDeps, checkProblem, compileRules, Passed, tryRules } from '#engine/moderation/index.ts'
import { AppError } from '#errors/index.ts'
import { apps } from '#features/apps/index.ts'
import { auth, keySet } from '#features/auth/index.ts'
import { conversations } from '#features/conversations/index.ts'
import { type Executions, executions } from '#features/executions/index.ts'
import { feedback } from '#features/feedback/index.ts'
import { guardrails } from '#features/guardrails/index.ts'
import { history, transcriptFiles } from '#features/history/index.ts'
import { keys } from '#features/keys/index.ts'
import { type Notifications, notifications, upstreamHealth } from '#features/notifications/index.ts'
import { type Retention, retention } from '#features/retention/index.ts'
import { type FirstStart, firstStart } from '#features/setup/index.ts'
import { transcripts } from '#features/transcripts/index.ts'
import { upstreams } from '#features/upstreams/index.ts'
import { usage } from '#features/usage/index.ts'
import { users } from '#features/users/index.ts'
import { workspaces } from '#features/workspaces/index.ts'
import type { WebhookDeliveries } from '#jobs/index.ts'
import { metrics } from '#lib/metrics.ts'
import { processMetrics } from '#lib/process-metrics.ts'
import { deriveKey } from '#lib/seal.ts'
import { signal } from '#lib/signal.ts'
import { Agent } from '#lib/undici-agent.ts'
import { budgets } from '#metering/budget.ts'
import { limiter, limits, networkOf } from '#metering/index.ts'
import { providers } from '#providers/index.ts'
import { openBlobs } from '#store/blobs/index.ts'
import { type Database, openDatabase } from '#store/index.ts'
import { gathered, subscribersOf } from '#subscribers/index.ts'
import { countTurns, defaultTurnsOptions, type TurnsOptions, turns } from '#turns/index.ts'
import packageJson from '../package.json' with { type: 'json' }
import { serveApiDocs } from './api-docs.ts'
import { type AppJobsDeps, appJobs } from './app-jobs.ts'

/** What tests may put in place of the real thing; nothing here changes what the server does. */
export interface Overrides {
  now?: () => number
  turns?: Partial<TurnsOptions>
  sockets?: { pingEveryMs?: number }
  /** Looks for an Ollama on this machine. */
  localOllama?: false
  timeouts?: Parameters<typeof upstreams>[0]['timeouts']
  /** Resolves the names of hosts that users gave. */
  lookup?: AppJobsDeps['lookup']
  /** How long guardrails wait for those whom they ask. */
  guardrails?: Partial<AskDeps['timeouts']>
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

const housekeepingEveryMs = 3_600_000
const keyUsesEveryMs = 10_000
/** Logins of one name from one address: enough for a person who mistypes, useless for guessing. */
const loginRate = { count: 10, perMs: 60_000, burst: 10 }
/** How long a first start waits for the upstreams' model lists. */
const firstListMs = 1_000
const defaultGraceMs = 10_000
/** How long connections may stay open when all turns have ended, for answers that are still on their way. */
const lastWordsMs = 2_000

const shapeOf: ShapeOf = (path) => {
  if (path === '/v1' || path.startsWith('/v1/')) return openAiErrors
  if (path.startsWith('/aiwb/')) return kadalErrors
  return path.startsWith('/auth/') ? oauthErrors : appErrors
}

/** Builds a server that is ready to listen. Throws AppError when it cannot be (database in use, newer version, ...). */
export async function buildParley(config: Config, overrides: Overrides = {}): Promise<Parley> {
  const now = overrides.now ?? Date.now
  const secret = masterSecret(config.secret, config.dataFolder)
  let live: SocketServer | undefined
  const server = Fastify({
    logger: {
      level: config.logLevel,
      redact: ['req.headers.authorization', 'req.headers.cookie', 'req.headers["x-api-key"]'],
    },
    // A line for every request would cost more than many a request.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    childLoggerFactory: (logger, bindings, options) => requestLog(logger, bindings, options),
    bodyLimit: config.maxBodyBytes,
    trustProxy: config.trustProxy,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
    frameworkErrors: routerErrors(shapeOf),
    http: { shouldUpgradeCallback: (request) => live?.takes(request) === true },
  })
  const { log } = server
  if (overrides.onRoute) server.addHook('onRoute', overrides.onRoute)

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
  const common = { database, now, accessChanged }
  const dispatcher = new Agent({ connections: null, pipelining: 1, keepAliveTimeout: 30_000 })
  const people = users(common)
  const spaces = workspaces({ ...common, users: people })
  const health = upstreamHealth({ database, now, log })
  const features = {
    users: people,
    workspaces: spaces,
    keys: keys({ ...common, workspaces: spaces }),
    apps: apps(common),
    conversations: conversations(common),
    history: history({ database, now, log, catchUp: () => queue.catchUp('subscriber:history') }),
    feedback: feedback(common),
    usage: usage(common),
    notifications: notifications({ database, now, log }),
    executions: executions(common),
    upstreams: upstreams({
      ...common,
      secretKey: deriveKey(secret, 'upstreams'),
      providers,
      dispatcher,
      log,
      onHealthChange: (name, _, state) => health.changed(name, state),
      ...(overrides.localOllama === false && { localOllama: false as const }),
      ...(overrides.timeouts && { timeouts: overrides.timeouts }),
    }),
  }
  const asking: AskDeps = {
    openModel: features.upstreams.openModel,
    moderate: features.upstreams.moderate,
    now,
    log,
    timeouts: { endpointMs: 5_000, judgeMs: 15_000, ...overrides.guardrails },
    passed: new Passed(),
  }
  const rules = guardrails({
    ...common,
    workspaces: spaces,
    apps: features.apps,
    checkProblem,
    tryRules: async (list, text, where) =>
      tryRules(await compileRules(list), { text, where }, { ...asking, passed: undefined }),
    bookCall: (...booked) => engine.book(...booked),
    hasModel: (name) => features.upstreams.findModel(name) !== undefined,
    hasModeration: features.upstreams.canModerate,
  })
  const keeping = retention({
    ...common,
    log,
    users: people,
    workspaces: spaces,
    history: features.history,
    catchUp: () => queue.catchUp('subscriber:history'),
    blobs,
  })
  const { identity } = config
  const accounts = auth({
    ...common,
    secret,
    users: features.users,
    ...(identity && {
      identity: { settings: identity, keyFor: keySet({ url: identity.jwksUrl, dispatcher, now, log }) },
    }),
  })
  await features.upstreams.discover(config.upstreams)
  // `auto` would mean the builtin until the first list is there; a list that was stored before needs no waiting.
  const listed = features.upstreams.models().some((model) => model.kind !== 'builtin')
  if (!listed && Object.keys(config.upstreams).length > 0) {
    const late = new Promise((resolve) => setTimeout(resolve, firstListMs).unref())
    await Promise.race([features.upstreams.refreshModels(), late])
  }

  const jobs = appJobs({ ...features, database, now, log, secret, config, lookup: overrides.lookup })
  const { queue, workspaceChanged } = jobs
  wakeJobs = queue.wake
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
    guardrails: { forTurn: rules.forTurn, asking },
    budgets: budgets(common),
    // The registry of server tools arrives with the tools room; until then there is none, and no request can name one.
    findTool: () => undefined,
    runTool: async (call) => ({ result: `There is no tool named ${call.name}.`, isError: true }),
    now,
    log,
    options: { ...defaultTurnsOptions, ...overrides.turns },
  })
  await engine.open()
  keeping.open()

  const housekeeper = setInterval(() => {
    const rest = Promise.all([
      accounts.pruneSessions(),
      engine.pruneIdempotencyKeys(),
      features.notifications.prune(),
      features.executions.prune(),
      jobs.webhooks.prune(),
    ])
    rest.catch((err) => log.warn({ err }, 'housekeeping failed; it will try again'))
  }, housekeepingEveryMs)
  housekeeper.unref()
  const counted = setInterval(
    () => void accounts.flushKeyUses().catch((err) => log.warn({ err }, 'uses of keys not written')),
    keyUsesEveryMs,
  )
  counted.unref()

  useValidators(server)
  if (config.corsOrigins.length > 0)
    await server.register(cors, {
      origin: config.corsOrigins,
      credentials: true,
      exposedHeaders: [
        'x-turn-id',
        'x-request-id',
        'x-session-id',
        'retry-after',
        'x-ratelimit-limit',
        'x-ratelimit-remaining',
        'x-ratelimit-reset',
      ],
    })
  if (config.debug) await serveApiDocs(server, packageJson.version)
  const rates = limits({ ...config.limits, now })
  gate(server, { auth: accounts, limits: rates })

  const logins = limiter(loginRate, now)
  const loginLimit = (key: string) => {
    const state = config.limits ? logins.take(key) : undefined
    if (state && !state.allowed)
      throw new AppError('rate-limited', 'Too many attempts; try again later', { retryAfterMs: state.retryAfterMs })
  }
  const figures = metrics()
  processMetrics(figures)
  const turnsOf = countTurns(engine, figures)
  const requests = figures.counter('parley_http_requests_total', 'Answered requests, by door.', ['door', 'status'])
  const inScope = (name: string, door: (scope: Scoped) => Promise<void> | void) =>
    server.register(async (scope) => {
      countRequests(scope, requests, name)
      await door(scope as unknown as Scoped)
    })
  await inScope('openai', (scope) =>
    openAiDoor(scope, { ...features, webhooks: jobs.webhooks, turns: turnsOf('openai') }),
  )
  // Cookies and sockets hook into every request of their scope, so only the doors that need them are in it.
  await inScope('app', async (scope) => {
    await scope.register(cookie)
    const { registration } = config
    const shared = { ...features, guardrails: rules, retention: keeping, auth: accounts }
    appDoor(scope, { ...shared, turns: turnsOf('app'), loginLimit, registration })
  })
  await inScope('kadal', (scope) =>
    kadalDoor(scope, {
      ...features,
      turns: turnsOf('kadal'),
      transcriptFiles: transcriptFiles({
        database,
        now,
        log,
        history: features.history,
        blobs,
        transcripts: transcripts(),
      }),
      // There is no store of files yet: whatever is named is not there.
      files: { find: async () => undefined },
    }),
  )
  await inScope('kadal-auth', (scope) => kadalAuthDoor(scope, { auth: accounts, loginLimit }))
  // Sockets stay open while turns settle, and are told to go then.
  let settled: Promise<void> = Promise.resolve()
  await inScope('sockets', (scope) => {
    useErrors(scope, appErrors)
    live = sockets(scope, {
      now,
      log,
      accessChanged,
      trustProxy: config.trustProxy,
      rates,
      networkOf,
      metrics: figures,
      ...config.sockets,
      ...overrides.sockets,
    })
    scope.addHook('preClose', async () => {
      await settled
      live?.closeAll(1001, 'Server is stopping')
    })
    const shared = { ...features, auth: accounts, limits: rates, metrics: figures, now, log }
    chatSocketDoor(live, { ...shared, turns: turnsOf('chat-socket') })
    nodeToolSocketDoor(live, { ...shared, turns: turnsOf('nodetool-socket') })
    realtimeDoor(live, { ...features, auth: accounts, accessChanged, workspaceChanged, now, log })
  })
  await inScope('operations', (scope) =>
    operationsDoor(scope, { users: people, sockets: live!, metrics: figures, errors: appErrors }),
  )
  await inScope('blobs', (scope) => blobsDoor(scope, { blobs, errors: appErrors }))
  await inScope('health', (scope) =>
    healthDoor(scope, {
      version: packageJson.version,
      now,
      notReady: async () => {
        try {
          await database.read.selectFrom('schema_migrations').select('version').executeTakeFirst()
          return undefined
        } catch {
          return 'The database does not answer'
        }
      },
      noBlobs: blobs.check,
    }),
  )
  useNotFound(server, shapeOf, requests.cell('none', '4xx'))

  async function close(graceMs = defaultGraceMs): Promise<void> {
    // New requests are refused from here on; streams that are open end with their turns.
    settled = engine.close(graceMs)
    // Who never finishes saying what he wants, or takes no byte of his answer, must not keep the process.
    void settled.then(() => setTimeout(() => server.server.closeAllConnections(), lastWordsMs).unref())
    await server.close()
    clearInterval(counted)
    clearInterval(housekeeper)
    await accounts.flushKeyUses().catch((err) => log.warn({ err }, 'uses of keys not written'))
    await keeping.close()
    await jobs.close()
    await features.history.close()
    await features.notifications.close()
    features.executions.close()
    await features.upstreams.close()
    await health.close()
    await dispatcher.destroy()
    await database.close()
  }

  return {
    server,
    database,
    firstStart: setup,
    notifications: features.notifications,
    executions: features.executions,
    retention: keeping,
    deliveries: jobs.deliveries,
    close,
  }
}
