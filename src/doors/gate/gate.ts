import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { lackedScope, type Principal, type Scope } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { type CredentialsOf, readCredentials } from './credentials.ts'

/** What a limit check says; metering/limits has the figures. */
export interface LimitState {
  allowed: boolean
  limit: number
  remaining: number
  /** Unix ms when the whole limit is free again. */
  resetAtMs: number
  retryAfterMs: number
}

export interface GateDeps {
  auth: { authenticate(credentials: CredentialsOf): Principal | Promise<Principal> }
  limits: {
    check(input: {
      ip?: string
      userId?: number | string
      keyId?: number
      keyRatePerMinute?: number
      chat?: boolean
    }): LimitState | undefined
  }
}

/** What somebody without a credential may send; as it stands it is read and parsed for whoever asks. */
const mostBytesOfStrangers = 16 * 1024

const acceptableId = /^[\w.:-]{1,128}$/

/** The id a request goes by: its own when it brought a harmless one, else a new one. */
export function requestId(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && acceptableId.test(given) ? given : `req-${uuidv7()}`
}

/**
 * Puts the gate before every route of `server`: ids, the address limit, credentials → `request.principal`, scope,
 * the user, key and chat limits. Refusals are AppErrors, worded by the door's own error handler.
 */
export function gate(server: FastifyInstance, deps: GateDeps): void {
  server.decorateRequest('principal', null as unknown as Principal)

  server.addHook('onRoute', (route) => {
    // The chat with an app is public for those who have its token; its route asks for that before the body is read.
    if (route.config?.auth === 'public' && route.config.chat !== true) route.bodyLimit ??= mostBytesOfStrangers
  })

  let stopping = false
  server.addHook('preClose', (done) => {
    stopping = true
    done()
  })

  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    forgetTypeOfNothing(request)
    if (stopping) {
      // What comes over a connection that was busy when the server stopped listening.
      reply.header('connection', 'close')
      return done(new AppError('overloaded', 'The server is stopping', { retryAfterMs: 1_000 }))
    }
    done(limited(reply, deps.limits.check({ ip: request.ip })))
  })

  server.addHook('onRequest', (request, reply, done) => {
    const { config } = request.routeOptions
    if (config.auth === 'public' || request.is404) return done()
    let found: Principal | Promise<Principal>
    try {
      found = deps.auth.authenticate(readCredentials(request))
    } catch (thrown) {
      return done(thrown as Error)
    }
    if (found instanceof Promise) found.then((principal) => done(admit(request, reply, principal, config)), done)
    else done(admit(request, reply, found, config))
  })

  function admit(
    request: FastifyRequest,
    reply: FastifyReply,
    principal: Principal,
    config: FastifyContextConfig,
  ): Error | undefined {
    request.principal = principal
    const scope: Scope = config.scope ?? (isSafe(request.method) ? 'read' : 'write')
    const lacked = lackedScope(principal, scope)
    return lacked ?? limited(reply, deps.limits.check(limitInput(principal, request.ip, config.chat === true)))
  }

  /** For doors that find their principal themselves (app tokens): counts the request against its limits. */
  server.decorate('countAgainst', (reply: FastifyReply, principal: Principal, chat: boolean) => {
    const refusal = limited(reply, deps.limits.check(limitInput(principal, reply.request.ip, chat)))
    if (refusal) throw refusal
  })
}

/**
 * Whose limits a request counts against. Visitors of a public app all act for its creator: each address has its own
 * share, so that one of them starves neither the others nor the creator.
 */
export function limitInput(principal: Principal, ip: string, chat: boolean) {
  return {
    userId: principal.app ? `app ${principal.app.id} ${ip}` : principal.user.id,
    keyId: principal.key?.id,
    keyRatePerMinute: principal.key?.ratePerMinute,
    chat,
  }
}

/** Tells the tightest limit in headers, and refuses when it is used up. */
function limited(reply: FastifyReply, state: LimitState | undefined): AppError | undefined {
  if (!state) return undefined
  const told = { limit: reply.getHeader('x-ratelimit-limit'), remaining: reply.getHeader('x-ratelimit-remaining') }
  // The address's limit was told before the caller's: whichever has less left is the one to heed.
  const isTightest = !state.allowed || !(Number(told.remaining) * state.limit < state.remaining * Number(told.limit))
  if (isTightest) {
    reply.header('x-ratelimit-limit', state.limit)
    reply.header('x-ratelimit-remaining', state.remaining)
    reply.header('x-ratelimit-reset', Math.ceil(state.resetAtMs / 1000))
  }
  if (state.allowed) return undefined
  return tooMany(state.retryAfterMs)
}

export function tooMany(retryAfterMs: number): AppError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
  return new AppError('rate-limited', `Rate limit exceeded. Retry after ${seconds} seconds.`, { retryAfterMs })
}

/** Many clients call every request JSON, also those without a body: a DELETE, a POST that is only a command. */
function forgetTypeOfNothing({ raw: { headers } }: FastifyRequest): void {
  const length = headers['content-length']
  if ((length === undefined || length === '0') && headers['transfer-encoding'] === undefined)
    delete headers['content-type']
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

declare module 'fastify' {
  interface FastifyInstance {
    countAgainst(reply: FastifyReply, principal: Principal, chat: boolean): void
  }
}
