import { SignJWT } from 'jose'
import type { Ref, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { User } from '#features/users/index.ts'
import { listMemberships } from '#features/workspaces/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { type LoginDeps, openSessionOf } from './login.ts'
import { accessLifetimeMs, issuer } from './tokens.ts'

/** What somebody holds who logged in to one workspace. */
export interface TenantGrant {
  /** Acts in this workspace only. */
  accessToken: string
  idToken: string
  sessionId: string
  user: User
  givenName: string
  familyName: string
  workspace: { ref: Ref; code: string; role: WorkspaceRole }
}

/**
 * Logs in to the workspace of that code, or to the one joined first. Throws the same `unauthenticated` for a wrong password,
 * an unknown or disabled user, and a code that is none or of a workspace the user is not in.
 */
export async function loginToTenant(
  deps: LoginDeps & { secret: string },
  input: { username: string; password: string; tenantCode?: string },
): Promise<TenantGrant> {
  const verified = await deps.users.verifyLogin(input.username, input.password, 'username')
  if (!verified) throw wrong()
  const { user, passwordHash } = verified
  const code = input.tenantCode?.trim().toLowerCase()
  const memberships = await listMemberships(deps.database, user.id)
  const found = code ? memberships.find((one) => one.code === code) : memberships[0]
  if (!found) throw wrong()
  const workspace = { ref: { id: found.id, publicId: found.public_id }, code: found.code, role: found.role }
  const { accessToken, sessionId } = await openSessionOf(deps, user, passwordHash, found.public_id)
  const named = { user, workspace, sessionId, ...splitName(user.name) }
  return { ...named, accessToken, idToken: await signIdToken(deps, named) }
}

/**
 * The claims of OpenID Connect, for whoever got it to read. It opens nothing: it is signed with a key of its own, and its
 * type is not that of a credential.
 */
function signIdToken(
  deps: { secret: string; now(): number },
  { user, workspace, sessionId, givenName, familyName }: Omit<TenantGrant, 'accessToken' | 'idToken'>,
): Promise<string> {
  const now = Math.floor(deps.now() / 1000)
  const claims = {
    sid: sessionId,
    auth_time: now,
    email: user.email,
    name: user.name,
    given_name: givenName,
    family_name: familyName,
    preferred_username: user.email,
    tenant_id: workspace.ref.publicId,
    tenant_code: workspace.code,
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user.publicId)
    .setIssuer(issuer)
    .setAudience(issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + accessLifetimeMs / 1000)
    .sign(deriveKey(deps.secret, 'id-token'))
}

/** The first word, and the rest: what clients want to be told apart where we keep one name. */
function splitName(name: string): { givenName: string; familyName: string } {
  const [givenName = '', ...rest] = name.split(/\s+/)
  return { givenName, familyName: rest.join(' ') }
}

function wrong(): AppError {
  return new AppError('unauthenticated', 'Username, password or tenant is wrong')
}
