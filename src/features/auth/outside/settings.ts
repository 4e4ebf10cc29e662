import type { WorkspaceRole } from '#contracts/index.ts'

/** Whose tokens are believed besides our own, and what in them means what; config/identity.ts reads it. */
export interface ProviderSettings {
  jwksUrl: string
  /** Exactly what stands in `iss`. */
  issuer: string
  /** One of these must stand in `aud`. */
  audiences: string[]
  /** Names of claims, or paths with dots. */
  claims: { email: string; tenant: string; roles: string }
  /** The provider's word for a role → ours; absent: roles are given here. */
  roles?: Record<string, WorkspaceRole>
  /** An address counts as verified when the token does not say anything about it. */
  trustEmail: boolean
  /** Whoever has a verified address gets the account here that has it already. */
  linkEmail: boolean
  /** Code of the workspace of tokens without the tenant claim. */
  defaultTenant?: string
  /** A workspace is made for a code that none has. */
  createTenants: boolean
  clockSkewSeconds: number
}
