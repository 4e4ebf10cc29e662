import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { Principal, Scope } from '#contracts/index.ts'

/** What a route says of itself; the gate acts on it before the handler runs. */
export interface RouteGate {
  /** `required` (the default): no credential, no entry. `public`: the handler does without, or looks by itself. */
  auth?: 'required' | 'public'
  /** What the credential must be allowed; default: `read` for GET and HEAD, `write` otherwise. */
  scope?: Scope
  /** Counts as a chat completion for the chat limit. */
  chat?: boolean
  /** The path of a WebSocket: what comes here is whoever does not speak it. */
  socket?: true
}

declare module 'fastify' {
  interface FastifyContextConfig extends RouteGate {}
  interface FastifyRequest {
    /** Set by the gate on every route that requires it; throws nothing, so read it only there. */
    principal: Principal
  }
}

/** A Fastify scope whose TypeBox schemas type its requests. */
export type Scoped = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
