/** A part of the wiring: the HTTP server without its doors, and what every request meets before one of them. */
import type { IncomingMessage, Server } from 'node:http'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, LogController, type RouteOptions } from 'fastify'
import type { Config } from '#config/index.ts'
import { appErrors } from '#doors/app/index.ts'
import {
  type GateDeps,
  gate,
  requestId,
  routerErrors,
  type ShapeOf,
  useErrorsByPath,
  useRequestLogs,
  useValidators,
} from '#doors/gate/index.ts'
import { kadalErrors, oauthErrors } from '#doors/kadal-auth/index.ts'
import { openAiErrors } from '#doors/openai/index.ts'
import { answerPlainRequests } from '#lib/http-server/index.ts'
import packageJson from '../package.json' with { type: 'json' }
import { serveApiDocs } from './api-docs.ts'

/** How errors look on paths that no route has: like those of the door whose paths they resemble. */
export const shapeOf: ShapeOf = (path) => {
  if (path === '/v1' || path.startsWith('/v1/')) return openAiErrors
  if (path.startsWith('/aiwb/')) return kadalErrors
  return path.startsWith('/auth/') ? oauthErrors : appErrors
}

/** How long a connection waits for its client, in ms. */
export interface Patience {
  /** For all of a request, its body too. */
  request: number
  /** For a byte to be taken of an answer; noticed after twice as long at the latest. */
  stalled: number
}

/** Nothing tells of a client that has vanished while it was sending, or that reads no further: it would be waited for without end. */
const patienceMs: Patience = { request: 300_000, stalled: 60_000 }
/** How often it is looked for requests that take too long. */
const lookEveryMs = 30_000

export interface AppServerDeps {
  config: Pick<Config, 'logLevel' | 'maxBodyBytes' | 'trustProxy'>
  patience?: Partial<Patience> | undefined
  /** Whether a request becomes a socket. */
  takesUpgrade(request: IncomingMessage): boolean
  onRoute?: ((route: RouteOptions) => void) | undefined
}

/** Has its log and no route yet. */
export function appServer({ config, patience, takesUpgrade, onRoute }: AppServerDeps): FastifyInstance {
  const { request, stalled } = { ...patienceMs, ...patience }
  const server = Fastify({
    logger: {
      level: config.logLevel,
      redact: ['req.headers.authorization', 'req.headers.cookie', 'req.headers["x-api-key"]'],
    },
    // A line for every request would cost more than many a request.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: config.maxBodyBytes,
    trustProxy: config.trustProxy,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
    // The gate refuses what comes too late, in the words of its door.
    return503OnClosing: false,
    // Its ten seconds hold for closing, too, and turns may be given longer to end.
    pluginTimeout: 0,
    frameworkErrors: routerErrors(shapeOf),
    requestTimeout: request,
    http: {
      shouldUpgradeCallback: takesUpgrade,
      // Node makes of it how long the head of a request may take, too.
      requestTimeout: request,
      connectionsCheckingInterval: Math.min(request, lookEveryMs),
    },
  })
  answerPlainRequests(server.server)
  endStalled(server.server, stalled)
  useRequestLogs(server.log)
  useErrorsByPath(server, shapeOf)
  if (onRoute) server.addHook('onRoute', onRoute)
  return server
}

/**
 * Node's timer of a connection also rings where an answer takes its time: then there is nothing to be taken, and it goes on. After
 * an answer it is set to something else, for how long the next request is waited for. Fastify's own setting would also be that
 * of the second server which it makes for a `localhost` with two addresses, and there nobody would listen to it.
 */
function endStalled(server: Server, stalledMs: number): void {
  server.setTimeout(stalledMs, (socket) => {
    if (socket.writableLength > 0 || socket.timeout !== stalledMs) socket.destroy()
  })
}

export interface AppGateDeps extends GateDeps {
  config: Pick<Config, 'corsOrigins' | 'debug'>
}

/** What stands before every door. Hooks run in the order they were added, so no route may be there yet. */
export async function appGate(server: FastifyInstance, { config, auth, limits }: AppGateDeps): Promise<void> {
  useValidators(server)
  if (config.corsOrigins.length > 0)
    await server.register(cors, {
      origin: config.corsOrigins,
      credentials: true,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: [
        'x-turn-id',
        'x-request-id',
        'x-session-id',
        'content-disposition',
        'retry-after',
        'x-should-retry',
        'x-ratelimit-limit',
        'x-ratelimit-remaining',
        'x-ratelimit-reset',
      ],
    })
  if (config.debug) await serveApiDocs(server, packageJson.version)
  gate(server, { auth, limits })
}
