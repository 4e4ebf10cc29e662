import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { ExpiringCache } from '#lib/expiring-cache.ts'
import type { Signal } from '#lib/signal.ts'
import { isUuid } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import type { App } from './app.ts'
import { mayUse } from './policy.ts'
import { isSlug } from './slug.ts'
import { findAppBy } from './store.ts'

export interface AppsDeps {
  database: Database
  now(): number
  /** Fired when what somebody may do has changed; apps carry their creator's standing. */
  accessChanged: Signal
}

const tokenShape = /^pat_[\w-]{43}$/

/** Reads of apps by id and token, remembered for some seconds: every turn of an app begins with one. */
export function appLookup(deps: AppsDeps) {
  const options = { maxEntries: 10_000, ttlMs: 5000, now: deps.now }
  const cache = new ExpiringCache<App>(options)
  deps.accessChanged.on(() => cache.clear())

  async function load(name: string, by: { publicId: string } | { token: string }): Promise<App | undefined> {
    const { epoch } = cache
    const app = await findAppBy(deps.database, by)
    if (app) cache.set(name, app, epoch)
    return app
  }

  function byPublicId(publicId: string): App | undefined | Promise<App | undefined> {
    const name = `id ${publicId}`
    return cache.get(name) ?? load(name, { publicId })
  }

  /** The app that this access token opens, also a disabled one. */
  function findByToken(token: string): App | undefined | Promise<App | undefined> {
    if (!tokenShape.test(token)) return undefined
    const name = `token ${token}`
    return cache.get(name) ?? load(name, { token })
  }

  /** The app of the caller's workspace with this id or slug; one that exists elsewhere is not found. */
  async function find(principal: Principal, idOrSlug: string): Promise<App | undefined> {
    const text = idOrSlug.toLowerCase()
    const app = isUuid(text)
      ? await byPublicId(text)
      : isSlug(text)
        ? await findAppBy(deps.database, { workspaceId: principal.workspace.id, slug: text })
        : undefined
    return app && mayUse(principal, app) ? app : undefined
  }

  async function get(principal: Principal, idOrSlug: string): Promise<App> {
    const app = await find(principal, idOrSlug)
    if (!app) throw missing()
    return app
  }

  /** At once when the app is known. Throws `not-found`, and `forbidden` for a disabled app. */
  function getForTurn(principal: Principal, publicId: string): App | Promise<App> {
    if (!isUuid(publicId)) throw missing()
    const found = byPublicId(publicId.toLowerCase())
    return found instanceof Promise ? found.then((app) => usable(principal, app)) : usable(principal, found)
  }

  return { find, findByToken, get, getForTurn, forget: () => cache.clear() }
}

export type AppLookup = ReturnType<typeof appLookup>

function usable(principal: Principal, app: App | undefined): App {
  if (!app || !mayUse(principal, app)) throw missing()
  if (!app.enabled) throw new AppError('forbidden', 'This application is disabled')
  return app
}

function missing(): AppError {
  return new AppError('not-found', 'Application not found')
}
