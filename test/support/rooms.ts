import { apps } from '#features/apps/index.ts'
import { type AuthPrincipal, auth } from '#features/auth/index.ts'
import { keys } from '#features/keys/index.ts'
import { users } from '#features/users/index.ts'
import { workspaces } from '#features/workspaces/index.ts'
import { signal } from '#lib/signal.ts'
import type { Database } from '#store/index.ts'

export const testSecret = 'a master secret for tests'

/** The account rooms over one database, wired as app.ts does it, with a clock that tests move by hand. */
export function accountRooms(database: Database) {
  const clock = { now: Date.now() }
  const base = { database, now: () => clock.now, accessChanged: signal() }
  const userRoom = users(base)
  const workspaceRoom = workspaces({ ...base, users: userRoom })
  const authRoom = auth({ ...base, secret: testSecret, users: userRoom })
  let people = 0

  return {
    clock,
    database,
    users: userRoom,
    workspaces: workspaceRoom,
    keys: keys({ ...base, workspaces: workspaceRoom }),
    apps: apps(base),
    auth: authRoom,
    /** Registers somebody new, with a workspace of his own, and logs him in. */
    async person(name = 'somebody') {
      const email = `${name}-${++people}-${Math.random().toString(36).slice(2)}@example.org`
      const password = `${name} has a password`
      const grant = await authRoom.register({ email, password, name })
      const principal: AuthPrincipal = await authRoom.authenticate({ bearer: grant.accessToken })
      return { email, password, grant, principal }
    },
    /** The principal of a new key that `principal` makes. */
    async keyOf(
      principal: AuthPrincipal,
      input: { scopes?: string[]; rateLimit?: number; expiresInDays?: number } = {},
    ) {
      const made = await this.keys.create(principal, { name: 'a key', ...input })
      return { ...made, principal: await authRoom.authenticate({ apiKey: made.key }) }
    },
  }
}

export type AccountRooms = ReturnType<typeof accountRooms>
