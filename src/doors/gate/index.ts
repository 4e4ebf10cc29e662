/**
 * The gate every door stands behind: request ids, credentials → principal, limits and their headers, the plain
 * plumbing of HTTP errors and streams. It knows no door's shapes.
 */
export { countRequests } from './count-requests.ts'
export { readCredentials, sessionCookie } from './credentials.ts'
export { type ErrorShape, routerErrors, type ShapeOf, useErrors, useErrorsByPath, useNotFound } from './errors.ts'
export { failureOf, thrownFrom } from './failure.ts'
export { type GateDeps, gate, type LimitState, limitInput, requestId, tooMany } from './gate.ts'
export { oneHeader } from './one-header.ts'
export { useRequestLogs } from './request-log.ts'
export type { RouteGate, Scoped } from './route.ts'
export { resultOrLeave, streamNdjson, streamSse } from './stream.ts'
export { useValidators } from './validator.ts'
