import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, invalid, toAppError } from '#errors/index.ts'
import type { Cell } from '#lib/metrics.ts'

/** A door's outer error shape: what to send for an error, with which HTTP status. */
export interface ErrorShape {
  status(error: AppError): number
  body(error: AppError, request: FastifyRequest): unknown
  /** What the door's clients look for beside `Retry-After`. */
  headers?(error: AppError): Record<string, string>
}

/** Fastify's own refusals, by their codes, in our words. */
const fastifyErrors: Record<string, () => AppError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: bodyTooLarge,
  FST_ERR_CTP_EMPTY_JSON_BODY: () =>
    invalid('body', 'The body must not be empty when its type is application/json', 'malformed'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => invalid('body', 'The body is not valid JSON', 'malformed'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    invalid('body', 'The body is not as long as Content-Length says', 'malformed'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => invalid('content-type', 'Content-Type must be application/json', 'malformed'),
  FST_ERR_CTP_INVALID_TYPE: () => invalid('content-type', 'Content-Type must be application/json', 'malformed'),
  FST_ERR_BAD_URL: () => invalid('url', 'The URL is not valid', 'malformed'),
  FST_ERR_MAX_PARAM_LENGTH: () => new AppError('not-found', 'Not found'),
}

export function bodyTooLarge(): AppError {
  return new AppError('too-large', 'The request body is too large', { details: { field: 'body' } })
}

/** What a Fastify scope threw → AppError. */
function fromFastify(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const error = thrown as Partial<FastifyError>
  const known = error.code === undefined ? undefined : fastifyErrors[error.code]
  if (known) return known()
  // Plain errors with a status, as the HTTP parser throws them.
  if (error.statusCode === 400) return invalid('body', 'The body is not valid JSON', 'malformed')
  if (error.statusCode === 413) return bodyTooLarge()
  return toAppError(thrown)
}

/** The one error handler of a door. A 5xx is logged with its cause; none of it is sent. */
export function useErrors(scope: FastifyInstance, shape: ErrorShape): void {
  scope.setErrorHandler((thrown, request, reply) => sendError(fromFastify(thrown), shape, request, reply))
}

/** Each part of the URL space answers in its own door's shape, also where no route is. */
export type ShapeOf = (path: string) => ErrorShape

/** For Fastify's `frameworkErrors`: URLs that its router refuses before any route or hook. */
export function routerErrors(shapeOf: ShapeOf) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    reply.header('x-request-id', request.id)
    closeUpgrade(request, reply)
    sendError(fromFastify(thrown), shapeOf(request.url.split('?')[0] ?? ''), request, reply)
  }
}

/** For what no door has an error handler for: unknown paths, and routes that nothing should fail on. Before any door. */
export function useErrorsByPath(server: FastifyInstance, shapeOf: ShapeOf): void {
  server.setErrorHandler((thrown, request, reply) =>
    sendError(fromFastify(thrown), shapeOf(request.url.split('?')[0] ?? ''), request, reply),
  )
}

/** For URLs that belong to no route; each is counted in `misses`. To be called when all other hooks are there. */
export function useNotFound(server: FastifyInstance, shapeOf: ShapeOf, misses: Cell): void {
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    misses.value++
    const path = request.url.split('?')[0] ?? ''
    const error = new AppError('not-found', `No such endpoint: ${request.method} ${path}`)
    closeUpgrade(request, reply)
    sendError(error, shapeOf(path), request, reply)
  }
  // A handler comes after the body, of which strangers would send as much as callers may.
  server.addHook('onRequest', (request, reply, done) => (request.is404 ? answer(request, reply) : done()))
  server.setNotFoundHandler(answer)
}

/** Who wanted a WebSocket has nothing else to say on this connection. */
export function closeUpgrade(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers.upgrade !== undefined) reply.header('connection', 'close')
}

function sendError(error: AppError, shape: ErrorShape, request: FastifyRequest, reply: FastifyReply): void {
  const status = shape.status(error)
  if (error.code === 'internal') request.log.error({ err: error.cause ?? error }, 'request failed')
  else if (status >= 500) request.log.warn({ code: error.code, err: error.cause }, error.message)
  if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1000)))
  if (shape.headers) reply.headers(shape.headers(error))
  reply.code(status).send(shape.body(error, request))
}
