/**
 * The gate every door stands behind: request ids, credentials → principal, limits and their headers, the plain
 * plumbing of HTTP errors. It knows no door's shapes.
 */
export type { RouteGate, Scoped } from './route.ts'
