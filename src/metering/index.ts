/**
 * What use costs and how much of it is allowed: prices and rate limits. Counts and refuses; it knows no request, no
 * door and no upstream.
 */

export { type LimitInput, type Limits, type LimitsOptions, limits } from './limits.ts'
export { type Limiter, type LimitState, limiter, type Rate } from './limits-limiter.ts'
export { networkOf } from './limits-network.ts'
export { priceOf } from './prices.ts'
