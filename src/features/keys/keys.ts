import type { Principal, Scope } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Workspaces } from '#features/workspaces/index.ts'
import { sha256 } from '#lib/hash.ts'
import type { Signal } from '#lib/signal.ts'
import { plainText } from '#lib/text.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import { hintOf, makeKey, mostKeyRate, newSecret } from './make-key.ts'
import { maySee, requireKeyMaker, requireManager, requireOwner } from './policy.ts'
import { type PresentedKey, presentKey } from './present.ts'
import { isWithin, readScopes, restoreScopes, storeScopes } from './scopes.ts'
import { findKey, insertKey, type KeyRow, listKeyRows, replaceSecret, revokeKey, updateKey } from './store.ts'

export interface KeysDeps {
  database: Database
  now(): number
  /** Fired when what somebody may do has changed. */
  accessChanged: Signal
  workspaces: Pick<Workspaces, 'get'>
}

export interface KeyInput {
  name: string
  description?: string
  /** Public id; absent: the one the caller acts in. */
  workspaceId?: string
  /** Absent: all that the caller's own credential has. */
  scopes?: string[]
  rateLimit?: number
  expiresInDays?: number
}

export type KeyChange = { name?: string; description?: string; scopes?: string[] }

const defaultRate = 100
const dayMs = 86_400_000

/** Makes a key of the caller's own; `key` is shown this once. Throws `forbidden` for one wider than the credential used. */
export async function createKey(
  deps: KeysDeps,
  principal: Principal,
  input: KeyInput,
): Promise<PresentedKey & { key: string }> {
  requireKeyMaker(principal)
  const workspace =
    input.workspaceId === undefined
      ? principal.workspace
      : (await deps.workspaces.get(principal, input.workspaceId)).ref
  const now = deps.now()
  const maker = principal.key && (await findKey(deps.database, { id: principal.key.id }))
  const rate = input.rateLimit ?? Math.min(defaultRate, maker?.rate_limit ?? defaultRate)
  within('rate_limit', rate, 1, mostKeyRate)
  if (input.expiresInDays !== undefined) within('expires_in_days', input.expiresInDays, 1, 3650)
  const expiresAt = input.expiresInDays === undefined ? (maker?.expires_at ?? null) : now + input.expiresInDays * dayMs
  if (maker && rate > maker.rate_limit) throw wider('rate_limit')
  if (maker?.expires_at && (expiresAt === null || expiresAt > maker.expires_at)) throw wider('expires_in_days')
  const made = makeKey({
    workspaceId: workspace.id,
    userId: principal.user.id,
    name: input.name,
    ...(input.description !== undefined && { description: input.description }),
    scopes: input.scopes ? allowedScopes(principal, input.scopes) : principal.scopes,
    rateLimit: rate,
    expiresAt,
    now,
  })
  await deps.database.write((tx) => insertKey(tx, made.row))
  const row = await findKey(deps.database, { publicId: made.row.publicId })
  if (!row) throw missing()
  return { ...presentKey(row, now), key: made.key }
}

/** The keys of a workspace that the caller may see: an administrator all, others their own. */
export async function listKeys(deps: KeysDeps, principal: Principal, workspaceId: string): Promise<PresentedKey[]> {
  const workspace = await deps.workspaces.get(principal, workspaceId)
  const rows = await listKeyRows(deps.database, workspace.ref.id)
  return rows.filter((row) => maySee(principal, workspace.role, row)).map((row) => presentKey(row, deps.now()))
}

export async function getKey(deps: KeysDeps, principal: Principal, publicId: string): Promise<PresentedKey> {
  return presentKey(await visibleKey(deps, principal, publicId), deps.now())
}

/** Changes name, description or scopes; these never beyond the credential used, and somebody else's only to fewer. */
export async function updateKeyOf(
  deps: KeysDeps,
  principal: Principal,
  publicId: string,
  change: KeyChange,
): Promise<PresentedKey> {
  const row = await visibleKey(deps, principal, publicId)
  requireManager(principal, row)
  const scopes = change.scopes && allowedScopes(principal, change.scopes)
  if (scopes && row.user_id !== principal.user.id && !isWithin(scopes, restoreScopes(row.scopes))) throw wider('scopes')
  const values = {
    ...(change.name !== undefined && { name: plainText('name', change.name, 200) }),
    ...(change.description !== undefined && { description: plainText('description', change.description, 2000, 0) }),
    ...(scopes && { scopes: storeScopes(scopes) }),
  }
  if (Object.keys(values).length > 0)
    await deps.database.write((tx) => updateKey(tx, row.id, values)).finally(() => deps.accessChanged.fire())
  return getKey(deps, principal, publicId)
}

/** From the moment this resolves the key opens nothing. */
export async function revokeKeyOf(deps: KeysDeps, principal: Principal, publicId: string): Promise<void> {
  const row = await visibleKey(deps, principal, publicId)
  requireManager(principal, row)
  const now = deps.now()
  await deps.database.write((tx) => revokeKey(tx, row.id, now)).finally(() => deps.accessChanged.fire())
}

/** Replaces the secret; the old one is revoked in the same transaction. The key keeps its id, settings and counts. */
export async function rotateKey(
  deps: KeysDeps,
  principal: Principal,
  publicId: string,
): Promise<PresentedKey & { key: string }> {
  const row = await visibleKey(deps, principal, publicId)
  requireManager(principal, row)
  requireOwner(principal, row)
  if (principal.key && principal.key.id !== row.id) await requireNotWider(deps, principal, row)
  const key = newSecret()
  const now = deps.now()
  const to = { hash: sha256(key), hint: hintOf(key), tombstoneId: uuidv7(now), now }
  const replaced = await deps.database
    .write((tx) => replaceSecret(tx, row, to))
    .finally(() => deps.accessChanged.fire())
  if (!replaced) throw new AppError('conflict', 'The key was rotated or revoked at the same moment')
  return { ...presentKey({ ...row, hint: to.hint }, now), key }
}

/** The live key with this id, if the caller may see it. Throws `not-found`. */
export async function visibleKey(deps: KeysDeps, principal: Principal, publicId: string): Promise<KeyRow> {
  const row = isUuid(publicId) ? await findKey(deps.database, { publicId }) : undefined
  if (!row) throw missing()
  const workspace = await deps.workspaces.get(principal, row.workspace_public_id).catch((thrown) => {
    throw thrown instanceof AppError && thrown.code === 'not-found' ? missing() : thrown
  })
  if (!maySee(principal, workspace.role, row)) throw missing()
  return row
}

/** Rotating another key hands out its secret: no key may gain by that what it has not itself. */
async function requireNotWider(deps: KeysDeps, principal: Principal, row: KeyRow): Promise<void> {
  const own = principal.key && (await findKey(deps.database, { id: principal.key.id }))
  if (!own || !isWithin(restoreScopes(row.scopes), principal.scopes)) throw wider('scopes')
  if (row.rate_limit > own.rate_limit) throw wider('rate_limit')
  if (own.expires_at !== null && (row.expires_at === null || row.expires_at > own.expires_at)) throw wider('expires_at')
}

function allowedScopes(principal: Principal, scopes: string[]): Set<Scope> {
  const wanted = readScopes('scopes', scopes)
  if (!isWithin(wanted, principal.scopes)) throw wider('scopes')
  return wanted
}

function wider(field: string): AppError {
  return new AppError('forbidden', `'${field}' must not go beyond the credential used`, { details: { field } })
}

function missing(): AppError {
  return new AppError('not-found', 'API key not found')
}

function within(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw invalid(field, `'${field}' must be a whole number from ${least} to ${most}`)
}
