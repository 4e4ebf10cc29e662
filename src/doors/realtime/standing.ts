import { type Principal, requireScope } from '#contracts/index.ts'
import type { RealtimeDeps } from './deps.ts'

/** What is known of who opened a socket, for as long as it is open. */
export interface Standing {
  /** Who it is, if that was asked in the last seconds and no access was changed in this process since. */
  readonly known: Principal | undefined
  /** Who it is, asked if need be. Throws AppError: the access is lost, or `overloaded` when nobody could look. */
  principal(): Promise<Principal>
  /** The same, asked in any case. */
  renew(): Promise<Principal>
}

export type StandingOf = (principal: Principal) => Standing

/** As long as other processes may take to hear of a change; features/auth remembers credentials for the same time. */
const believedMs = 5_000

export function standings(deps: Pick<RealtimeDeps, 'auth' | 'accessChanged' | 'now'>): StandingOf {
  let changes = 0
  deps.accessChanged.on(() => {
    changes++
  })

  return (admitted) => {
    let principal = admitted
    // Nothing is believed at first: access may have changed since the socket was admitted.
    let knownAt = Number.NEGATIVE_INFINITY
    let knownChange = -1
    let asking: Promise<Principal> | undefined

    async function ask(): Promise<Principal> {
      for (;;) {
        const seen = changes
        const found = await deps.auth.renew(principal)
        requireScope(found, 'read')
        principal = found
        // What was changed while we looked, we may have looked past.
        if (changes !== seen) continue
        knownChange = seen
        knownAt = deps.now()
        return found
      }
    }

    function renew(): Promise<Principal> {
      asking ??= ask().finally(() => {
        asking = undefined
      })
      return asking
    }

    const standing: Standing = {
      get known() {
        return knownChange === changes && deps.now() - knownAt < believedMs ? principal : undefined
      },
      principal: async () => standing.known ?? renew(),
      renew,
    }
    return standing
  }
}
