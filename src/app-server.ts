/** A part of the wiring: the HTTP server without its doors, and what every request meets before one of them. */
import type { IncomingMessage } from 'node:http'
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
import packageJson from '../package.json' with { type: 'json' }
import { serveApiDocs } from './api-docs.ts'

/** How errors look on paths that no route has: like those of the door whose paths they resemble. */
export const shapeOf: ShapeOf = (path) => {
  if (path === '/v1' || path.startsWith('/v1/')) return openAiErrors
  if (path.startsWith('/aiwb/')) return kadalErrors
  return path.startsWith('/auth/') ? oauthErrors : appErrors
}

export interface AppServerDeps {
  config: Pick<Config, 'logLevel' | 'maxBodyBytes' | 'trustProxy'>
  /** Whether a request becomes a socket. */
  takesUpgrade(request: IncomingMessage): boolean
  onRoute?: ((route: RouteOptions) => void) | undefined
}

/** Has its log and no route yet. */
export function appServer({ config, takesUpgrade, onRoute }: AppServerDeps): FastifyInstance {
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
    http: { shouldUpgradeCallback: takesUpgrade },
  })
  useRequestLogs(server.log)
  useErrorsByPath(server, shapeOf)
  if (onRoute) server.addHook('onRoute', onRoute)
  return server
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
  gate(server, { auth, limits })
}
