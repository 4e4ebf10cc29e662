import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { asksOf, type Own, publicRoutes, readingPosts, routeTable } from './route-table.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

const isList = (ask: { method: string; status?: number }) => ask.method === 'GET' && ask.status === 200

for (const kind of databaseKinds)
  describe(`workspaces are closed to each other on ${kind}`, () => {
    let world: World
    let alice: Person
    let bob: Person
    let hers: Belongings
    /** What a stranger's requests may name as their own. */
    let his: Own
    /** A key of Alice's for another workspace of hers, and an app there. */
    let otherKey: string
    let elsewhere: Own

    beforeAll(async () => {
      world = await makeWorld(kind)
      alice = await world.person('alice')
      bob = await world.person('bob')
      hers = await world.belongings(alice, 'alice-alone')
      his = { workspace: bob.workspace, app: await appOf(bearer(bob.jwt)) }
      const made = await world.must('POST', '/api/v1/workspaces', {
        headers: bearer(alice.jwt),
        body: { name: 'Second' },
      })
      const key = await world.must('POST', '/api/v1/api-keys', {
        headers: bearer(alice.jwt),
        body: { name: 'for the second', workspace_id: made.json.data.id },
      })
      otherKey = key.json.key
      elsewhere = { workspace: made.json.data.id, app: await appOf(bearer(otherKey)) }
    })
    afterAll(() => world?.close())

    async function appOf(headers: Record<string, string>): Promise<string> {
      const made = await world.must('POST', '/api/v1/applications', {
        headers,
        body: { name: 'Own app', model: 'gpt-sim' },
      })
      return made.json.data.id
    }

    it('has every route of the server in the table, and no other', () => {
      expect([...world.routes].sort()).toEqual(Object.keys(routeTable).sort())
      for (const route of publicRoutes) expect(world.routes).toContain(route)
    })

    /** Somebody new, who has not named anything of hers yet. */
    async function stranger(headersOf: (who: Person) => Record<string, string>) {
      const who = await world.person('stranger')
      const headers = headersOf(who)
      return { headers, own: { workspace: who.workspace, app: await appOf(headers) } }
    }
    const strangers: [string, () => Promise<{ headers: Record<string, string>; own: Own }>][] = [
      ['another person’s login', () => stranger(({ jwt }) => bearer(jwt))],
      ['another workspace’s key', () => stranger(({ key }) => ({ 'x-api-key': key }))],
      ['another person’s cookie', () => stranger(({ cookie, csrf }) => ({ cookie, 'x-csrf-token': csrf }))],
      ['the same person’s key of another workspace', async () => ({ headers: bearer(otherKey), own: elsewhere })],
    ]
    for (const [name, get] of strangers)
      it(`shows nothing of a workspace to ${name}, and lets it change nothing`, async () => {
        const { headers, own } = await get()
        const before = await world.rowsOf(hers.workspace)
        const ids = [hers.app, hers.session, hers.turn, hers.running, hers.key, hers.appToken]
        let said = ''
        const seenBefore = world.upstream.requests.length
        const asks = asksOf(hers, own).filter(({ status }) => status !== 0)
        // Lists first: until then the stranger has named nothing of hers.
        const listsFirst = [...asks.filter(isList), ...asks.filter((ask) => !isList(ask))]
        for (const { route, method, url, body, headers: more, status = 404 } of listsFirst) {
          const answer = await world.ask(method, url, { headers: { ...headers, ...more }, body })
          expect(`${answer.status} ${answer.text}`, `${route} ${url}`).toMatch(new RegExp(`^${status} `))
          // What a stranger says himself, he may hear again.
          said += url + JSON.stringify([body, more])
          const secrets = [...ids, ...hers.words].filter((secret) => !said.includes(secret))
          for (const secret of secrets) expect(answer.text, route).not.toContain(secret)
        }
        // Nor was a model told of it.
        const told = JSON.stringify(world.upstream.requests.slice(seenBefore).map((request) => request.body))
        for (const word of hers.words) expect(told).not.toContain(word)
        expect(await world.rowsOf(hers.workspace)).toEqual(before)
      })

    it('knows no workspace that the caller is not in, on any route', async () => {
      for (const { route, method, url, body } of asksOf(hers, his)) {
        if (publicRoutes.has(route)) continue
        const headers = { ...bearer(bob.jwt), 'x-workspace-id': hers.workspace }
        const answer = await world.ask(method, url, { headers, body })
        expect(`${answer.status} ${answer.text}`, `${route} ${url}`).toMatch(/^404 .*Workspace not found/)
      }
    })

    it('answers nothing without a credential, unless it is public', async () => {
      const before = await world.rowsOf(hers.workspace)
      const counted = await world.counts()
      for (const { route, method, url, body } of asksOf(hers, his)) {
        if (publicRoutes.has(route)) continue
        for (const headers of [{}, { authorization: 'Bearer ' }, { 'x-api-key': '' }, { cookie: 'parley_session=' }]) {
          const answer = await world.ask(method, url, { headers: headers as Record<string, string>, body })
          expect(answer.status, `${route} ${url} ${JSON.stringify(headers)} ${answer.text}`).toBe(401)
        }
      }
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      expect(await world.counts()).toEqual(counted)
    })

    it('writes nothing for a key that may only read', async () => {
      const made = await world.must('POST', '/api/v1/api-keys', {
        headers: bearer(alice.jwt),
        body: { name: 'reader', scopes: ['read'] },
      })
      const before = await world.rowsOf(hers.workspace)
      const counted = await world.counts()
      for (const { route, method, url, body } of asksOf(hers, his)) {
        if (method === 'GET' || publicRoutes.has(route) || readingPosts.has(route)) continue
        const answer = await world.ask(method, url, { headers: { 'x-api-key': made.json.key }, body })
        expect(answer.status, `${route} ${url} ${answer.text}`).toBe(403)
      }
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      expect(await world.counts()).toEqual(counted)
    })

    it('opens one app with its access token, and nothing else', async () => {
      const body = { messages: [{ role: 'user', content: 'hello' }] }
      const chat = await world.ask('POST', `/api/v1/chat/${hers.appToken}/chat/completions`, { body })
      expect(chat.status).toBe(200)
      const before = await world.rowsOf(hers.workspace)
      for (const { route, method, url, body: sent } of asksOf(hers, his)) {
        if (publicRoutes.has(route)) continue
        for (const headers of [bearer(hers.appToken), { 'x-api-key': hers.appToken }]) {
          const answer = await world.ask(method, url, { headers, body: sent })
          expect(answer.status, `${route} ${url} ${answer.text}`).toBe(401)
        }
      }
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      const unknown = await world.ask('POST', `/api/v1/chat/pat_${'x'.repeat(43)}/chat/completions`, { body })
      expect(unknown.status).toBe(404)
    })

    it('counts the use of one workspace for nobody else', async () => {
      const made = await world.must('POST', '/api/v1/workspaces', {
        headers: bearer(alice.jwt),
        body: { name: 'Third' },
      })
      const usage = await world.must('GET', '/api/v1/usage', {
        headers: { ...bearer(alice.jwt), 'x-workspace-id': made.json.data.id },
      })
      expect(usage.json.data.total.requests).toBe(0)
    })
  })
