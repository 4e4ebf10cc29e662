/**
 * People who log in at an identity provider of the operator's: its tokens → principals. Only the provider's public keys are
 * asked for; who may come in, to which workspace and in which role is decided by the settings and by what is stored here.
 */
import type { Ref, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { allScopes } from '#features/keys/index.ts'
import { isWorkspaceCode, listMemberships } from '#features/workspaces/index.ts'
import type { Signal } from '#lib/signal.ts'
import { type Database, isUniqueViolation } from '#store/index.ts'
import { type AuthPrincipal, noWorkspace } from '../authenticate.ts'
import { accountFor, admit, type Newcomer, ownerOfNew } from './admit.ts'
import { type OutsideClaims, readClaims } from './claims.ts'
import type { KeyFor } from './key-set.ts'
import type { ProviderSettings } from './settings.ts'
import { findLogin, findLoginById, findMembership, findMemberships, isOnlyOwner, type LoginRow } from './store.ts'

export { type KeyFor, type KeySetDeps, keySet } from './key-set.ts'
export type { ProviderSettings } from './settings.ts'
export { erasedSubject } from './store.ts'

/** A login at the provider, for connections that stay open. */
export interface OutsideLogin {
  /** Key of the row. */
  id: number
  /** Unix ms. */
  issuedAt: number
  expiresAt: number
}

export interface OutsideDeps {
  database: Database
  now(): number
  accessChanged: Signal
  settings: ProviderSettings
  keyFor: KeyFor
}

export type Outside = ReturnType<typeof outside>

/** Somebody else's request may have written what this one was about to write; then it is looked at again. */
const mostAttempts = 3
const ranks: Record<WorkspaceRole, number> = { member: 0, admin: 1, owner: 2 }

export function outside(deps: OutsideDeps) {
  const { database, settings } = deps

  /**
   * Whose token it is, as a principal; what is missing of his account and membership is made. `wanted` is the workspace
   * that the request names. Throws `unauthenticated`, `forbidden`, `not-found` for a workspace that is not his, `overloaded`.
   */
  async function enter(
    token: string,
    wanted: string | undefined,
  ): Promise<{ principal: AuthPrincipal; expiresAt: number }> {
    const claims = await readClaims(token, deps.keyFor, settings, deps.now())
    const { issuer } = settings
    const { subject, expiresAt } = claims
    for (let attempt = 1; ; attempt++) {
      const login = await findLogin(database, { issuer, subject })
      if (login) requireLive(login, claims.issuedAt)
      const place = await placeOf(login, claims, wanted)
      if (login && 'granted' in place) return { principal: principalOf(login, claims, place), expiresAt }
      const missing = 'granted' in place ? { workspace: { ref: place.ref }, role: undefined } : place
      const newcomer = await newcomerFor(login, claims, missing)
      try {
        if (newcomer) await database.write((tx) => admit(tx, newcomer, { issuer, subject }, deps.now()))
      } catch (thrown) {
        if (!isUniqueViolation(thrown)) throw thrown
      }
      deps.accessChanged.fire()
      if (attempt === mostAttempts) throw new AppError('overloaded', 'Try again', { retryAfterMs: 1_000 })
    }
  }

  /** The same caller as he is now. Throws as `enter`, and `unauthenticated` when his token is over: only the provider knows more. */
  async function renew(principal: AuthPrincipal): Promise<AuthPrincipal> {
    const login = principal.outside!
    if (login.expiresAt <= deps.now()) throw new AppError('unauthenticated', 'The token has expired')
    const row = await findLoginById(database, login.id)
    if (!row) throw new AppError('unauthenticated', 'The session has ended')
    requireLive(row, login.issuedAt)
    const role = await findMembership(database, row.user_id, principal.workspace.id)
    if (!role) throw noWorkspace()
    return { ...principal, role }
  }

  /** Where the token acts: a place that is ready, or what is missing for it. */
  async function placeOf(
    login: LoginRow | undefined,
    claims: OutsideClaims,
    wanted: string | undefined,
  ): Promise<Place | Missing> {
    const codes = claims.tenants ?? (settings.defaultTenant === undefined ? undefined : [settings.defaultTenant])
    if (!codes) return ownPlace(login, wanted)
    const usable = codes.filter(isWorkspaceCode)
    const rows = usable.length === 0 ? [] : await findMemberships(database, login?.user_id ?? 0, usable)
    const inOrder = usable.flatMap((code) => rows.filter((row) => row.code === code))
    const row = wanted ? inOrder.find(({ public_id }) => public_id === wanted) : inOrder[0]
    if (!row && wanted) throw noWorkspace()
    const mapped = roleOf(claims.roles)
    if (!row) {
      const owner = await ownerOfNew(database, settings, usable.length > 0)
      return { workspace: { code: usable[0]!, owner }, role: mapped }
    }
    const workspace = { id: row.id, publicId: row.public_id }
    const { role } = row
    if (role === null) return { workspace: { ref: workspace }, role: mapped }
    const stays = mapped === undefined || mapped === role || (role === 'owner' && (await isOnlyOwner(database, row.id)))
    return stays ? { ref: workspace, granted: role, bound: true } : { workspace: { ref: workspace }, role: mapped }
  }

  /** Without a tenant a token acts where its person was added to here. */
  async function ownPlace(login: LoginRow | undefined, wanted: string | undefined): Promise<Place | Missing> {
    if (!login) return { workspace: undefined, role: undefined }
    const memberships = await listMemberships(database, login.user_id)
    const chosen = wanted ? memberships.find((one) => one.public_id === wanted) : memberships[0]
    if (chosen) return { ref: { id: chosen.id, publicId: chosen.public_id }, granted: chosen.role, bound: false }
    if (wanted) throw noWorkspace()
    throw homeless()
  }

  async function newcomerFor(
    login: LoginRow | undefined,
    claims: OutsideClaims,
    missing: Missing,
  ): Promise<Newcomer | undefined> {
    if (login) return { user: { id: login.user_id, publicId: login.user_public_id }, isNew: false, ...missing }
    const found = await accountFor(database, claims, settings, deps.now())
    if (!found) return undefined
    // Nobody has added somebody whom nobody knows.
    if (!missing.workspace && !found.user) throw homeless()
    return { ...found, isNew: true, ...missing }
  }

  /** The highest of ours that one of theirs stands for; undefined: roles are given here. */
  function roleOf(theirs: string[]): WorkspaceRole | undefined {
    const { roles } = settings
    if (!roles) return undefined
    const ours = theirs.filter((name) => Object.hasOwn(roles, name)).map((name) => roles[name]!)
    return ours.reduce((highest, role) => (ranks[role] > ranks[highest] ? role : highest), 'member')
  }

  return { enter, renew }
}

/** A workspace that its person is in, in the role that he should have. */
interface Place {
  ref: Ref
  granted: WorkspaceRole
  /** Named by the token, which then acts nowhere else. */
  bound: boolean
}

type Missing = Pick<Newcomer, 'workspace' | 'role'>

function principalOf(login: LoginRow, claims: OutsideClaims, place: Place): AuthPrincipal {
  return {
    method: 'jwt',
    user: { id: login.user_id, publicId: login.user_public_id },
    workspace: place.ref,
    role: place.granted,
    scopes: allScopes,
    ...(place.bound && { bound: true }),
    outside: { id: login.id, issuedAt: claims.issuedAt, expiresAt: claims.expiresAt },
  }
}

function homeless(): AppError {
  return new AppError('forbidden', 'The token names no workspace, and you are a member of none')
}

/** Disabled here, or logged out everywhere after the token was made: then the provider's word does not count. */
function requireLive(login: LoginRow, issuedAt: number): void {
  if (login.disabled !== 0) throw new AppError('unauthenticated', 'The account is disabled')
  if (issuedAt < login.tokens_valid_after) throw new AppError('unauthenticated', 'The session has ended')
}
