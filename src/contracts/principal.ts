/** Who asks: resolved once at the door, never headers again. */
import { AppError } from '#errors/index.ts'

export type WorkspaceRole = 'owner' | 'admin' | 'member'
export type Scope = 'read' | 'write' | 'admin'

/** A row's two names: the integer used inside, the UUIDv7 used outside. */
export interface Ref {
  id: number
  publicId: string
}

export interface Principal {
  method: 'jwt' | 'api-key' | 'session' | 'app-token'
  user: Ref
  /** The workspace this request acts in: a key's or app token's own, or for a person the one named or their first. */
  workspace: Ref
  role: WorkspaceRole
  /** What the credential may do, at most; a person's own login has all three. */
  scopes: ReadonlySet<Scope>
  /**
   * Set when an API key was used; `ratePerMinute` is that key's own limit. `token`: not the key itself was sent, but a
   * token that was given for it.
   */
  key?: Ref & { ratePerMinute: number; token?: true }
  /** The credential counts in `workspace` only, though its user may be in others; so does every key. */
  bound?: true
  /** Set when an app's access token was used: the principal may then use this app and nothing else. */
  app?: Ref
}

/** `forbidden` when the credential may not do this. */
export function lackedScope(principal: Principal, scope: Scope): AppError | undefined {
  if (principal.scopes.has(scope)) return undefined
  return new AppError('forbidden', `This credential lacks the scope '${scope}'`, { details: { scope } })
}

/** Throws what `lackedScope` gives. The gate asks for requests; a frame passes no gate, so its door asks. */
export function requireScope(principal: Principal, scope: Scope): void {
  const lacked = lackedScope(principal, scope)
  if (lacked) throw lacked
}

/** Whether the credential counts in its own workspace only. */
export function isBound(principal: Principal): boolean {
  return principal.bound === true || principal.key !== undefined
}
