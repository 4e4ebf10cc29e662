import type { AppChanged, Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { refuseAppToken } from '#features/workspaces/index.ts'
import { randomToken } from '#lib/hash.ts'
import { plainText } from '#lib/text.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { isUniqueViolation } from '#store/index.ts'
import { type App, type AppType, appTypes } from './app.ts'
import { type ConfigChange, changeConfig, defaultConfig } from './config.ts'
import type { AppLookup, AppsDeps } from './lookup.ts'
import { requireChange } from './policy.ts'
import { checkSlug, slugOf, withSuffix } from './slug.ts'
import { deleteApp, insertApp, isSlugTaken, listAppRows, type NewApp, updateApp, updateToken } from './store.ts'

export interface VerbDeps extends AppsDeps {
  lookup: AppLookup
}

export interface AppInput {
  name: string
  description?: string
  type?: string
  /** Absent: made from the name. */
  slug?: string
  enabled?: boolean
  config?: ConfigChange
}

/** A checked row, to be inserted in a transaction of the caller's. Throws `invalid-request`. */
export function makeApp(input: AppInput, owner: { workspaceId: number; userId: number }, now: number): NewApp {
  const name = plainText('name', input.name, 200)
  const type = readType(input.type ?? 'chat')
  return {
    publicId: uuidv7(now),
    workspaceId: owner.workspaceId,
    slug: input.slug === undefined ? (slugOf(name) ?? withSuffix()) : checkSlug(input.slug),
    name,
    description: plainText('description', input.description ?? '', 4000, 0),
    type,
    accessToken: newAccessToken(),
    enabled: input.enabled ?? true,
    config: changeConfig(defaultConfig, checkedFor(type, input.config ?? {})),
    createdBy: owner.userId,
    now,
  }
}

/** Throws `conflict` when the slug asked for is taken; one made from the name gets out of the way. */
export async function createApp(deps: VerbDeps, principal: Principal, input: AppInput): Promise<App> {
  requireChange(principal)
  const app = makeApp(input, { workspaceId: principal.workspace.id, userId: principal.user.id }, deps.now())
  const spare = withSuffix(app.slug)
  await deps.database
    .write(async (tx) => {
      const taken = await isSlugTaken(tx, app.workspaceId, app.slug)
      if (taken && input.slug !== undefined) throw slugTaken()
      await insertApp(tx, taken ? { ...app, slug: spare } : app)
      tx.tell(changed('created', principal, app.publicId, app.now))
    })
    .catch(refuseTakenSlug)
  return deps.lookup.get(principal, app.publicId)
}

export function listApps(deps: VerbDeps, principal: Principal, filter: { type?: string } = {}): Promise<App[]> {
  refuseAppToken(principal)
  const type = filter.type === undefined ? undefined : readType(filter.type)
  return listAppRows(deps.database, principal.workspace.id, type)
}

/** Changes what is given and leaves the rest. The type stays what it is. */
export async function updateAppOf(
  deps: VerbDeps,
  principal: Principal,
  idOrSlug: string,
  change: Partial<AppInput>,
): Promise<App> {
  requireChange(principal)
  deps.lookup.forget()
  const app = await deps.lookup.get(principal, idOrSlug)
  if (change.type !== undefined && change.type !== app.type)
    throw invalid('type', "'type' of an application cannot be changed")
  const config = changeConfig(app.config, checkedFor(app.type, change.config ?? {}))
  const values = {
    slug: change.slug === undefined ? app.slug : checkSlug(change.slug),
    name: change.name === undefined ? app.name : plainText('name', change.name, 200),
    description:
      change.description === undefined ? app.description : plainText('description', change.description, 4000, 0),
    enabled: (change.enabled ?? app.enabled) ? 1 : 0,
    config: JSON.stringify(config),
    // Later than what was read, so that a second writer who read the same row notices.
    updated_at: Math.max(deps.now(), app.updatedAt + 1),
  }
  const updated = await deps.database
    .write(async (tx) => {
      const done = await updateApp(tx, app, values)
      if (done) tx.tell(changed('updated', principal, app.publicId, values.updated_at))
      return done
    })
    .catch(refuseTakenSlug)
    .finally(deps.lookup.forget)
  // Whoever came with its access token is out.
  if (updated && app.enabled && values.enabled === 0) deps.accessChanged.fire()
  if (!updated) throw new AppError('conflict', 'The application was changed at the same moment')
  return deps.lookup.get(principal, app.publicId)
}

/** Conversations held with it remain in the history. */
export async function removeApp(deps: VerbDeps, principal: Principal, idOrSlug: string): Promise<void> {
  requireChange(principal)
  const app = await deps.lookup.get(principal, idOrSlug)
  const now = deps.now()
  await deps.database
    .write(async (tx) => {
      await deleteApp(tx, app.id)
      tx.tell(changed('deleted', principal, app.publicId, now))
    })
    .finally(() => deps.accessChanged.fire())
}

/** A new access token; the old one opens nothing from the moment this resolves. */
export async function rotateAppToken(deps: VerbDeps, principal: Principal, idOrSlug: string): Promise<App> {
  requireChange(principal)
  const app = await deps.lookup.get(principal, idOrSlug)
  const accessToken = newAccessToken()
  const now = deps.now()
  await deps.database
    .write(async (tx) => {
      await updateToken(tx, app.id, accessToken)
      tx.tell(changed('token-rotated', principal, app.publicId, now))
    })
    .finally(() => deps.accessChanged.fire())
  return deps.lookup.get(principal, app.publicId)
}

function changed(change: AppChanged['change'], principal: Principal, appId: string, at: number): AppChanged {
  return { type: 'app-changed', change, workspace: principal.workspace, appId, actor: principal.user, at }
}

function newAccessToken(): string {
  return randomToken(32, 'pat_')
}

function readType(type: string): AppType {
  if ((appTypes as readonly string[]).includes(type)) return type as AppType
  throw invalid('type', `'type' must be one of ${appTypes.join(', ')}`)
}

function checkedFor(type: AppType, change: ConfigChange): ConfigChange {
  if (type === 'chat' && change.definition) throw invalid('definition', "A chat application has no 'definition'")
  return change
}

function slugTaken(): AppError {
  return new AppError('conflict', 'An application with this slug exists already', { details: { field: 'slug' } })
}

function refuseTakenSlug(thrown: unknown): never {
  throw isUniqueViolation(thrown) ? slugTaken() : thrown
}
