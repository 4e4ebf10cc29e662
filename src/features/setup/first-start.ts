import { sql } from 'kysely'
import { insertApp, makeApp } from '#features/apps/index.ts'
import {
  allScopes,
  checkGivenKey,
  insertKey,
  isKnownHash,
  type MadeKey,
  makeKey,
  mostKeyRate,
} from '#features/keys/index.ts'
import { checkPassword, insertUser, prepareUser } from '#features/users/index.ts'
import { insertWorkspace } from '#features/workspaces/index.ts'
import { randomToken } from '#lib/hash.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database, Transaction } from '#store/index.ts'
import { findOwner, hasUsers } from './store.ts'

export interface SetupDeps {
  database: Database
  now(): number
}

export interface OwnerSettings {
  email: string
  password?: string | undefined
  key?: string | undefined
}

export interface FirstStart {
  /** False: everything was there already and there is nothing to print. */
  created: boolean
  email: string
  /** Only when it was generated: printed once, kept nowhere. */
  password?: string
  /** Only when it was generated. */
  apiKey?: string
}

/**
 * Makes an empty database usable: owner, workspace, API key and a chat app, all or nothing. Later starts only see to
 * it that a given owner key works, unless it was revoked. Safe in several processes at once: one of them creates.
 */
export async function firstStart(deps: SetupDeps, owner: OwnerSettings): Promise<FirstStart> {
  if (owner.key !== undefined) checkGivenKey('PARLEY_OWNER_KEY', owner.key)
  if (await hasUsers(deps.database.read)) {
    await addGivenKey(deps, owner)
    return { created: false, email: owner.email }
  }
  if (owner.password !== undefined) checkPassword('PARLEY_OWNER_PASSWORD', owner.password)
  const now = deps.now()
  const password = owner.password ?? randomToken(18)
  const user = await prepareUser({ email: owner.email, password, name: 'Owner', isAdmin: true }, now)
  const workspace = { publicId: uuidv7(now), name: 'Default', code: 'default', now }
  const keyFor = ownerKey(owner.key, now)
  const app = makeApp({ name: 'Assistant', slug: 'assistant' }, { workspaceId: 0, userId: 0 }, now)
  const made = keyFor({ workspaceId: 0, userId: 0 })

  const created = await deps.database.write(async (tx) => {
    await holdSetup(tx, deps.database.dialect)
    if (await hasUsers(tx.db)) return false
    const userId = await insertUser(tx, user)
    const workspaceId = await insertWorkspace(tx, { ...workspace, ownerId: userId })
    await insertKey(tx, { ...made.row, workspaceId, userId })
    await insertApp(tx, { ...app, workspaceId, createdBy: userId })
    return true
  })
  if (!created) {
    await addGivenKey(deps, owner)
    return { created: false, email: owner.email }
  }
  return {
    created: true,
    email: user.email,
    ...(owner.password === undefined && { password }),
    ...(owner.key === undefined && { apiKey: made.key }),
  }
}

async function addGivenKey(deps: SetupDeps, owner: OwnerSettings): Promise<void> {
  if (owner.key === undefined) return
  const holder = await findOwner(deps.database)
  if (!holder) return
  const { row } = ownerKey(owner.key, deps.now())(holder)
  await deps.database.write(async (tx) => {
    await holdSetup(tx, deps.database.dialect)
    if (!(await isKnownHash(tx, row.hash))) await insertKey(tx, row)
  })
}

function ownerKey(key: string | undefined, now: number) {
  return (holder: { workspaceId: number; userId: number }): MadeKey =>
    makeKey({
      ...holder,
      ...(key !== undefined && { key }),
      name: 'Owner key',
      scopes: allScopes,
      rateLimit: mostKeyRate,
      expiresAt: null,
      now,
    })
}

/** Lets one process at a time set up; SQLite has one process anyway. */
async function holdSetup(tx: Transaction, dialect: Database['dialect']): Promise<void> {
  if (dialect === 'postgres') await sql`lock table users in share row exclusive mode`.execute(tx.db)
}
