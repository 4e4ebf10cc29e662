import { type AskDeps, checkProblem, compileRules, tryRules } from '#engine/moderation/index.ts'
import { apps } from '#features/apps/index.ts'
import { type AuthPrincipal, auth } from '#features/auth/index.ts'
import { guardrails } from '#features/guardrails/index.ts'
import { keys } from '#features/keys/index.ts'
import { users } from '#features/users/index.ts'
import { workspaces } from '#features/workspaces/index.ts'
import { signal } from '#lib/signal.ts'
import type { Database } from '#store/index.ts'

export const testSecret = 'a master secret for tests'

const nobodyToAsk: AskDeps = {
  openModel: () => Promise.reject(new Error('no model here')),
  moderate: () => Promise.reject(new Error('no moderation here')),
  now: Date.now,
  log: { warn: () => undefined },
  timeouts: { endpointMs: 1_000, judgeMs: 1_000 },
}

/** The account rooms over one database, wired as app-features.ts does it, with a clock that tests move by hand. */
export function accountRooms(database: Database) {
  const clock = { now: Date.now() }
  const base = { database, now: () => clock.now, accessChanged: signal() }
  const userRoom = users(base)
  const workspaceRoom = workspaces({ ...base, users: userRoom })
  const appRoom = apps(base)
  const authRoom = auth({ ...base, secret: testSecret, users: userRoom })
  let people = 0

  return {
    clock,
    database,
    users: userRoom,
    workspaces: workspaceRoom,
    keys: keys({ ...base, workspaces: workspaceRoom }),
    apps: appRoom,
    guardrails: guardrails({
      ...base,
      workspaces: workspaceRoom,
      apps: appRoom,
      checkProblem,
      tryRules: async (list, text, where) => tryRules(await compileRules(list), { text, where }, nobodyToAsk),
      bookCall: () => Promise.reject(new Error('nothing to book')),
      hasModel: (name) => name === 'gpt-sim',
      hasModeration: (upstream) => upstream === 'openai',
    }),
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
