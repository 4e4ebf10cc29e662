/**
 * Upstream provider accounts: where models come from. Keeps them (from the environment and made by administrators),
 * knows which names they offer, and opens model calls on the one that is well. It never shows a secret, and it knows
 * no door and no turn.
 */
export type { CircuitState } from './breaker.ts'
export type { OfferedModel } from './catalog.ts'
export type { EnvironmentUpstreams } from './environment.ts'
export type { Log } from './list-models.ts'
export type { UpstreamView } from './present.ts'
export { type UpstreamHealth, type Upstreams, type UpstreamsDeps, upstreams } from './upstreams.ts'
export type { UpstreamChange, UpstreamInput } from './validate.ts'
