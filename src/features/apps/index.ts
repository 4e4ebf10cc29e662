/**
 * Apps: what answers, with which model, prompt and settings, and the access token that opens it to the public. Members
 * use them, administrators change them. Running one is the business of turns.
 */
import { bind } from '#lib/bind.ts'
import { createApp, listApps, removeApp, rotateAppToken, updateAppOf } from './apps.ts'
import { type AppsDeps, appLookup } from './lookup.ts'

export { type App, type AppType, appTypes } from './app.ts'
export { type AppInput, makeApp } from './apps.ts'
export {
  type AppConfig,
  type AppSampling,
  type ConfigChange,
  type ContextStrategy,
  contextStrategies,
} from './config.ts'
export type { AppsDeps } from './lookup.ts'
export { type PresentedApp, presentApp } from './present.ts'
export { insertApp } from './store.ts'

export type Apps = ReturnType<typeof apps>

export function apps(deps: AppsDeps) {
  const lookup = appLookup(deps)
  const own = { ...deps, lookup }
  return {
    /** Undefined when it is not there, or not the caller's. */
    find: lookup.find,
    /** Throws `not-found`. */
    get: lookup.get,
    findByToken: lookup.findByToken,
    getForTurn: lookup.getForTurn,
    list: bind(own, listApps),
    create: bind(own, createApp),
    update: bind(own, updateAppOf),
    remove: bind(own, removeApp),
    rotateToken: bind(own, rotateAppToken),
  }
}
