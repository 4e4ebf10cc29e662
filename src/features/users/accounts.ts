import type { Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Signal } from '#lib/signal.ts'
import { plainText } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import { type Database, isUniqueViolation } from '#store/index.ts'
import { normaliseEmail } from './email.ts'
import { checkPassword, hashPassword, verifyPassword } from './password.ts'
import { requireAccount, requirePerson } from './policy.ts'
import { toUser, type User } from './present.ts'
import { findUserBy, insertUser, type NewUser, replacePassword, updateUser, voidSessions } from './store.ts'

export interface UsersDeps {
  database: Database
  now(): number
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
}

export interface UserInput {
  email: string
  password: string
  name?: string
  isAdmin?: boolean
}

export interface ProfileChange {
  name?: string
  email?: string
  /** Needed to change the email, which is what a password is recovered by. */
  currentPassword?: string
}

/** A checked row with its password hashed, to be inserted in a transaction of the caller's. Throws `invalid-request`. */
export async function prepareUser(input: UserInput, now: number): Promise<NewUser> {
  const email = normaliseEmail('email', input.email)
  checkPassword('password', input.password)
  return {
    publicId: uuidv7(now),
    email,
    name: plainText('full_name', input.name ?? '', 200, 0) || email.slice(0, email.indexOf('@')),
    passwordHash: await hashPassword(input.password),
    isAdmin: input.isAdmin ?? false,
    now,
  }
}

export async function createUser(deps: UsersDeps, input: UserInput): Promise<User> {
  const user = await prepareUser(input, deps.now())
  const id = await refuseTaken(deps.database.write((tx) => insertUser(tx, user)))
  return getUserById(deps, id)
}

export async function getUserById(deps: UsersDeps, id: number): Promise<User> {
  const row = await findUserBy(deps.database, 'id', id)
  if (!row) throw new AppError('not-found', 'User not found')
  return toUser(row)
}

export async function findUser(
  deps: UsersDeps,
  by: { publicId: string } | { email: string },
): Promise<User | undefined> {
  if ('publicId' in by && !isUuid(by.publicId)) return undefined
  const row =
    'email' in by
      ? await findUserBy(deps.database, 'email', normaliseEmail('email', by.email))
      : await findUserBy(deps.database, 'public_id', by.publicId)
  return row && toUser(row)
}

/** The caller's own account. */
export function getOwnAccount(deps: UsersDeps, principal: Principal): Promise<User> {
  requireAccount(principal)
  return getUserById(deps, principal.user.id)
}

/** Changes the caller's own profile. Throws `conflict` when the email is taken. */
export async function updateProfile(deps: UsersDeps, principal: Principal, change: ProfileChange): Promise<User> {
  requirePerson(principal)
  const name = change.name === undefined ? undefined : plainText('full_name', change.name, 200)
  const email = change.email === undefined ? undefined : normaliseEmail('email', change.email)
  const row = await findUserBy(deps.database, 'id', principal.user.id)
  if (!row) throw new AppError('not-found', 'User not found')
  const newEmail = email !== undefined && email !== row.email ? email : undefined
  if (newEmail !== undefined && !(await verifyPassword(row.password_hash, change.currentPassword ?? '')))
    throw invalid('current_password', "'current_password' is needed to change the email, and must be right")
  const values = {
    ...(name !== undefined && { name }),
    ...(newEmail !== undefined && { email: newEmail }),
    updated_at: deps.now(),
  }
  await refuseTaken(deps.database.write((tx) => updateUser(tx, row.id, values)))
  return getUserById(deps, row.id)
}

/** Throws `invalid-request` unless this is the caller's password, or he has none. */
export async function confirmPassword(
  deps: UsersDeps,
  principal: Principal,
  password: string | undefined,
): Promise<void> {
  requirePerson(principal)
  const row = await findUserBy(deps.database, 'id', principal.user.id)
  if (!row?.password_hash || (await verifyPassword(row.password_hash, password ?? ''))) return
  throw invalid('current_password', "'current_password' is needed for this, and must be right")
}

/** Ends every session of the caller, also this one: whoever else had the old password is out. */
export async function changePassword(
  deps: UsersDeps,
  principal: Principal,
  change: { currentPassword: string; newPassword: string },
): Promise<void> {
  requirePerson(principal)
  checkPassword('new_password', change.newPassword)
  const row = await findUserBy(deps.database, 'id', principal.user.id)
  if (!row || !(await verifyPassword(row.password_hash, change.currentPassword)))
    throw invalid('current_password', "'current_password' is wrong")
  const to = await hashPassword(change.newPassword)
  const now = deps.now()
  const replaced = await deps.database
    .write(async (tx) => {
      const done = await replacePassword(tx, row.id, { from: row.password_hash, to, now })
      if (done) await voidSessions(tx, row.id, now)
      return done
    })
    .finally(() => deps.accessChanged.fire())
  if (!replaced) throw new AppError('conflict', 'The password was changed by somebody else at the same moment')
}

/** A disabled user is refused everywhere at once, with keys, sessions and apps. */
export async function setDisabled(deps: UsersDeps, userId: number, disabled: boolean): Promise<void> {
  const now = deps.now()
  await deps.database
    .write(async (tx) => {
      await updateUser(tx, userId, { disabled: disabled ? 1 : 0, updated_at: now })
      if (disabled) await voidSessions(tx, userId, now)
    })
    .finally(() => deps.accessChanged.fire())
}

/** Logs the user out everywhere. */
export async function endSessions(deps: UsersDeps, userId: number): Promise<void> {
  const now = deps.now()
  await deps.database.write((tx) => voidSessions(tx, userId, now)).finally(() => deps.accessChanged.fire())
}

/**
 * The user with this email and password. Undefined for a wrong password, an unknown email and a disabled user alike,
 * after the same amount of work. `passwordHash` is what was verified, for checking it again where it is acted on. `field`
 * is what the caller's protocol calls the email.
 */
export async function verifyLogin(
  deps: UsersDeps,
  email: string,
  password: string,
  field = 'email',
): Promise<{ user: User; passwordHash: string } | undefined> {
  const row = await findUserBy(deps.database, 'email', normaliseEmail(field, email))
  const matches = await verifyPassword(row?.password_hash, password)
  return matches && row && row.disabled === 0 ? { user: toUser(row), passwordHash: row.password_hash } : undefined
}

/** Translates the violated uniqueness of an email. */
export async function refuseTaken<T>(write: Promise<T>): Promise<T> {
  return write.catch((thrown) => {
    if (!isUniqueViolation(thrown)) throw thrown
    throw new AppError('conflict', 'A user with this email exists already', { details: { field: 'email' } })
  })
}
