import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

/** Enough that each commit holds turns of several workspaces, and several commits are under way. */
const rounds = 60
const names = ['ada', 'bo', 'cy', 'di']
/** One with a price: what is free touches no workspace. */
const model = 'gpt-4o-mini'

for (const kind of databaseKinds)
  describe(`turns that cost money, of several workspaces at once, on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    let parley: Awaited<ReturnType<typeof startParley>>
    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = [model]
      home = await makeHome(kind)
      parley = await startParley({ home, upstreamUrl: upstream.url })
    })
    afterAll(async () => {
      await parley.close()
      await home.remove()
      await upstream.close()
    })

    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      fetch(parley.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })

    /** Registers somebody, who so has a workspace of his own. */
    async function tokenOf(name: string): Promise<string> {
      const account = { email: `${name}@example.test`, password: `${name} has a password`, full_name: name }
      const made = await post('/api/v1/auth/register', account)
      return ((await made.json()) as { data: { access_token: string } }).data.access_token
    }

    it('are all answered: none waits for another that waits for it', async () => {
      const tokens = await Promise.all(names.map(tokenOf))
      const ask = async (token: string, round: number) => {
        const answer = await post(
          '/v1/chat/completions',
          { model, messages: [{ role: 'user', content: `Hello ${round}` }] },
          { authorization: `Bearer ${token}`, 'x-session-id': `${round % 3}` },
        )
        const body = await answer.text()
        return answer.ok ? 'answered' : `${answer.status} ${body}`
      }
      const asked = Array.from({ length: rounds }, (_, round) => tokens.map((token) => ask(token, round)))
      expect([...new Set(await Promise.all(asked.flat()))]).toEqual(['answered'])
      expect(await wrongInBooks(home)).toEqual([])
    })
  })
