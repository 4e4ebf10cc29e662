import type { MemberChanged, Ref, WorkspaceRole } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { insertUser, type NewUser } from '#features/users/index.ts'
import {
  countOwners,
  insertMembership,
  insertWorkspace,
  lockMembers,
  roleIn,
  updateRole,
} from '#features/workspaces/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database, Transaction } from '#store/index.ts'
import type { OutsideClaims } from './claims.ts'
import type { ProviderSettings } from './settings.ts'
import { erasedSubject, findAccount, findLogin, findOperator, insertLogin } from './store.ts'

/** Who is to be let in, and where; made by reading, written by `admit`. */
export interface Newcomer {
  /** Absent: an account that is to be made. */
  user?: Ref
  account?: NewUser
  /** The login is not known yet. */
  isNew: boolean
  /** The one there is, or one that is to be made; undefined: those that he is in already. */
  workspace: { ref: Ref } | { code: string; owner: Ref } | undefined
  /** What the membership must become; undefined: what it is, `member` when there is none. */
  role: WorkspaceRole | undefined
}

/**
 * The account of somebody whose login is not known: made, or, where that is allowed, the one that has his address. Undefined
 * when the login is known meanwhile. Throws `forbidden` when he may not come in, `unauthenticated` for a token from before
 * his account was erased.
 */
export async function accountFor(
  database: Database,
  claims: OutsideClaims,
  settings: ProviderSettings,
  now: number,
): Promise<Pick<Newcomer, 'user' | 'account'> | undefined> {
  const login = { issuer: settings.issuer, subject: claims.subject }
  const erased = await findLogin(database, { ...login, subject: erasedSubject(login) })
  if (erased && claims.issuedAt <= (erased.erased_at ?? 0))
    throw new AppError('unauthenticated', 'The account was erased')
  const { email, emailVerified, name } = claims
  if (email === undefined) throw new AppError('forbidden', 'The token names no e-mail address to make an account for')
  if (!(emailVerified ?? settings.trustEmail))
    throw new AppError('forbidden', 'The identity provider does not say that the e-mail address is verified')
  const found = await findAccount(database, email)
  // Another request of his may just have made it.
  if (found && (await findLogin(database, login))) return undefined
  if (found && !settings.linkEmail)
    throw new AppError('forbidden', 'There is an account with this e-mail address already, and it is not linked')
  if (found?.disabled) throw new AppError('unauthenticated', 'The account is disabled')
  if (found) return { user: { id: found.id, publicId: found.public_id } }
  const account = {
    publicId: uuidv7(now),
    email,
    name: (name ?? email.slice(0, email.indexOf('@'))).slice(0, 200).toWellFormed(),
    passwordHash: '',
    isAdmin: false,
    now,
  }
  return { account }
}

/** Who will own a workspace that is made for a code; throws `forbidden` when it may not be made. */
export async function ownerOfNew(database: Database, settings: ProviderSettings, usableCode: boolean): Promise<Ref> {
  const operator = settings.createTenants && usableCode ? await findOperator(database) : undefined
  if (!operator) throw new AppError('forbidden', 'The token names no workspace of this server')
  return { id: operator.id, publicId: operator.public_id }
}

/** Writes what is missing: account, login, workspace, membership. Violates uniqueness when somebody else was quicker. */
export async function admit(
  tx: Transaction,
  newcomer: Newcomer,
  login: { issuer: string; subject: string },
  now: number,
): Promise<void> {
  const user = newcomer.user ?? { id: await insertUser(tx, newcomer.account!), publicId: newcomer.account!.publicId }
  if (newcomer.isNew) await insertLogin(tx, { ...login, userId: user.id, now })
  if (!newcomer.workspace) return
  const workspace = 'ref' in newcomer.workspace ? newcomer.workspace.ref : await make(tx, newcomer.workspace, now)
  await lockMembers(tx, workspace.id)
  const current = await roleIn(tx, workspace.id, user.id)
  const told = { type: 'member-changed', workspace, member: user, actor: user, at: now } as const
  if (current === undefined) {
    const role = newcomer.role ?? 'member'
    await insertMembership(tx, { workspaceId: workspace.id, userId: user.id, role, now })
    tx.tell({ ...told, change: 'added', role } satisfies MemberChanged)
  } else if (newcomer.role !== undefined && newcomer.role !== current) {
    await updateRole(tx, workspace.id, user.id, newcomer.role)
    // A workspace needs an owner, whatever the provider says.
    if ((await countOwners(tx, workspace.id)) === 0) return updateRole(tx, workspace.id, user.id, current)
    tx.tell({ ...told, change: 'role', role: newcomer.role } satisfies MemberChanged)
  }
}

async function make(tx: Transaction, { code, owner }: { code: string; owner: Ref }, now: number): Promise<Ref> {
  const publicId = uuidv7(now)
  return { id: await insertWorkspace(tx, { publicId, name: code, code, ownerId: owner.id, now }), publicId }
}
