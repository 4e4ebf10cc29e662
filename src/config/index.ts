/** Environment → typed configuration, read once at start. Imports nothing but errors and lib. */
export { type Config, type EnvironmentUpstreams, readEnv } from './env.ts'
export type { IdentityProvider } from './identity.ts'
export type { Rate } from './rate.ts'
export { masterSecret } from './secret.ts'
