import { AppError, invalid } from '#errors/index.ts'
import type { User, Users } from '#features/users/index.ts'
import { insertUser, prepareUser, refuseTaken } from '#features/users/index.ts'
import { insertWorkspace, workspaceName } from '#features/workspaces/index.ts'
import { randomToken, sha256 } from '#lib/hash.ts'
import type { Signal } from '#lib/signal.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import type { AuthPrincipal } from './authenticate.ts'
import { deleteErasedLogins, deleteSessions, openSession, revokeSession, rotateSession } from './store.ts'
import { accessLifetimeMs, sessionLifetimeMs, type Tokens } from './tokens.ts'

export interface LoginDeps {
  database: Database
  now(): number
  accessChanged: Signal
  tokens: Tokens
  users: Users
}

/** What a client holds after logging in. */
export interface Grant {
  accessToken: string
  refreshToken: string
  expiresInSeconds: number
  /** For the cookie `parley_session`. */
  sessionToken: string
  /** For the cookie `parley_csrf` and the header X-CSRF-Token. */
  csrfToken: string
}

const monthMs = 30 * 24 * 3_600_000

/** Throws the same `unauthenticated` for a wrong password, an unknown email and a disabled user. */
export async function login(
  deps: LoginDeps,
  input: { email: string; password: string },
): Promise<Grant & { user: User }> {
  const verified = await deps.users.verifyLogin(input.email, input.password)
  if (!verified) throw wrongLogin()
  return { ...(await openSessionOf(deps, verified.user, verified.passwordHash)), user: verified.user }
}

/** A new user with a workspace of his own. Throws `conflict` when the email is taken. */
export async function register(
  deps: LoginDeps,
  input: { email: string; password: string; name?: string },
): Promise<Grant & { user: User }> {
  const now = deps.now()
  const { email, password, name } = input
  const newUser = await prepareUser({ email, password, ...(name !== undefined && { name }) }, now)
  const workspace = { publicId: uuidv7(now), name: workspaceName(`${newUser.name.slice(0, 150)}'s workspace`), now }
  const userId = await refuseTaken(
    deps.database.write(async (tx) => {
      const ownerId = await insertUser(tx, newUser)
      await insertWorkspace(tx, { ...workspace, ownerId })
      return ownerId
    }),
  )
  const user = await deps.users.get(userId)
  return { ...(await openSessionOf(deps, user, newUser.passwordHash)), user }
}

/** A new access token and a new refresh token for one that was never exchanged before. Throws `unauthenticated`. */
export async function refresh(deps: LoginDeps, refreshToken: string): Promise<Grant> {
  const next = newRefreshToken()
  const now = deps.now()
  const change = { from: sha256(refreshToken), to: sha256(next), expiresAt: now + sessionLifetimeMs, now }
  const rotation = await deps.database.write((tx) => rotateSession(tx, change))
  if (rotation.outcome === 'reused') deps.accessChanged.fire()
  if (rotation.outcome !== 'rotated') throw new AppError('unauthenticated', 'Invalid or expired refresh token')
  return grant(deps, { userId: rotation.userId, sessionId: rotation.sessionId }, next, now)
}

/** Ends the session of this request, or with `everywhere` all sessions of its user. */
export async function logout(deps: LoginDeps, principal: AuthPrincipal, everywhere = false): Promise<void> {
  const { session } = principal
  if (principal.outside && !everywhere)
    throw invalid(
      'Authorization',
      'Log out at your identity provider; with "all" every token that you have is void here',
    )
  if (principal.outside) return deps.users.endSessions(principal.user.id)
  if (!session) throw invalid('Authorization', 'A key has no session to log out of; revoke the key instead')
  if (everywhere) return deps.users.endSessions(principal.user.id)
  const now = deps.now()
  await deps.database.write((tx) => revokeSession(tx, session.id, now)).finally(() => deps.accessChanged.fire())
}

/** Ends all sessions, then opens a new one for who made the change. */
export async function changePassword(
  deps: LoginDeps,
  principal: AuthPrincipal,
  change: { currentPassword: string; newPassword: string },
): Promise<Grant> {
  await deps.users.changePassword(principal, change)
  const { email } = await deps.users.get(principal.user.id)
  return login(deps, { email, password: change.newPassword })
}

/** Forgets sessions that ended, and logins whose account was erased, long ago. */
export async function pruneSessions(deps: LoginDeps): Promise<void> {
  const before = deps.now() - monthMs
  await deps.database.write((tx) => deleteSessions(tx, before))
  await deps.database.write((tx) => deleteErasedLogins(tx, before))
}

/** Opens a session if `passwordHash` still is the user's; with `workspaceId` its access token is bound to that one. */
export async function openSessionOf(
  deps: LoginDeps,
  user: User,
  passwordHash: string,
  workspaceId?: string,
): Promise<Grant & { sessionId: string }> {
  const refreshToken = newRefreshToken()
  const now = deps.now()
  const session = {
    publicId: uuidv7(now),
    userId: user.id,
    tokenHash: sha256(refreshToken),
    expiresAt: now + sessionLifetimeMs,
    now,
  }
  if (!(await deps.database.write((tx) => openSession(tx, session, passwordHash)))) throw wrongLogin()
  const bound = workspaceId !== undefined && { workspaceId }
  const claims = { userId: user.publicId, sessionId: session.publicId, ...bound }
  return { ...(await grant(deps, claims, refreshToken, now)), sessionId: session.publicId }
}

async function grant(
  deps: LoginDeps,
  claims: { userId: string; sessionId: string; workspaceId?: string },
  refreshToken: string,
  now: number,
): Promise<Grant> {
  return {
    accessToken: await deps.tokens.sign('access', claims, now),
    refreshToken,
    expiresInSeconds: accessLifetimeMs / 1000,
    sessionToken: await deps.tokens.sign('session', claims, now),
    csrfToken: deps.tokens.csrfToken(claims.sessionId),
  }
}

function newRefreshToken(): string {
  return randomToken(32, 'prt_')
}

function wrongLogin(): AppError {
  return new AppError('unauthenticated', 'Email or password is wrong')
}
