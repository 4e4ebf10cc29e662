import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type IdentityProvider, startIdentityProvider } from '#test/support/identity-provider.ts'
import { openLive } from '#test/support/live-socket.ts'
import { ownerEmail, ownerPassword, startParley } from '#test/support/parley.ts'
import { placesOf } from '#test/support/text-columns.ts'

type Server = Awaited<ReturnType<typeof startParley>>
const minuteMs = 60_000
let emails = 0
const newEmail = () => `person-${++emails}@example.test`

for (const kind of databaseKinds)
  describe(`people of an identity provider on ${kind}`, () => {
    let idp: IdentityProvider
    let parley: Server
    const clock = { ahead: 0 }
    const overrides = { now: () => Date.now() + clock.ahead }
    const closing: (() => Promise<unknown>)[] = []

    beforeAll(async () => {
      idp = await startIdentityProvider()
      parley = await started()
    })
    afterEach(() => {
      clock.ahead = 0
      idp.down = false
    })
    afterAll(async () => {
      for (const close of closing) await close()
      await idp.close()
    })

    async function started(more: Record<string, string> = {}): Promise<Server> {
      const server = await startParley({ kind, env: { ...idp.env, ...more }, overrides })
      closing.push(() => server.close(0))
      return server
    }

    async function ask(
      at: Server,
      token: string,
      path: string,
      init: { method?: string; body?: object; headers?: Record<string, string> } = {},
    ) {
      const { method = 'GET', body, headers } = init
      const response = await fetch(at.url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      // biome-ignore lint/suspicious/noExplicitAny: any JSON
      const json: any = text.startsWith('{') ? JSON.parse(text) : undefined
      return { status: response.status, headers: response.headers, text, body: json }
    }
    const me = (token: string, at = parley, headers: Record<string, string> = {}) =>
      ask(at, token, '/api/v1/auth/me', { headers })
    /** A workspace of the owner's with a code of its own. */
    async function workspace(code: string, at = parley): Promise<{ id: string; owner: string }> {
      const login = { email: ownerEmail, password: ownerPassword }
      const { body } = await ask(at, '', '/api/v1/auth/login', { method: 'POST', body: login })
      const owner = body.data.access_token as string
      const made = await ask(at, owner, '/api/v1/workspaces', { method: 'POST', body: { name: code } })
      const { id } = made.body.data
      const named = await ask(at, owner, `/api/v1/workspaces/${id}`, { method: 'PATCH', body: { code } })
      expect(named.body.data).toMatchObject({ id, code })
      return { id, owner }
    }
    const verified = (more: object = {}) => ({ email: newEmail(), email_verified: true, ...more })

    it('get an account and a place at first sight, and the same ones ever after', async () => {
      const { id, owner } = await workspace('acme')
      const claims = verified({ name: 'Ada Lovelace', tenant_code: 'ACME' })
      const sub = idp.person(claims)
      const first = await me(await idp.login(sub))
      expect(first.body.data).toMatchObject({
        email: claims.email,
        full_name: 'Ada Lovelace',
        is_admin: false,
        workspace_id: id,
        role: 'member',
      })
      // Whatever he is called later: it is he who has this `sub`.
      idp.change(sub, { name: 'Countess', email: newEmail(), email_verified: false })
      const again = await me(await idp.login(sub))
      expect(again.body.data).toEqual(first.body.data)
      const members = await ask(parley, owner, `/api/v1/workspaces/${id}/members`)
      expect(members.body.data.map(({ email }: { email: string }) => email)).toContain(claims.email)
    })

    it('open every door and every socket with their token', async () => {
      await workspace('doors')
      const token = await idp.login(idp.person(verified({ tenant_code: 'doors' })))
      const messages = [{ role: 'user', content: 'hello' }]
      const said = await ask(parley, token, '/v1/chat/completions', {
        method: 'POST',
        body: { model: 'auto', messages },
      })
      expect(said.status, said.text).toBe(200)
      const user = (await me(token)).body.data.id
      const paths = [`/ws/chat/s?token=${token}`, `/ws/notifications/${user}?token=${token}`, `/chat?token=${token}`]
      for (const path of paths) {
        const socket = await openLive(parley, path)
        socket.send({ type: 'ping' })
        await socket.until(({ type }) => type === 'pong')
        await socket.close()
      }
      // What they make is theirs: a key of their own for this workspace.
      const key = await ask(parley, token, '/api/v1/api-keys', { method: 'POST', body: { name: 'mine' } })
      expect((await me(key.body.key)).body.data.id).toBe(user)
    })

    it('many requests at once, at first sight, make one account', async () => {
      await workspace('crowd')
      const token = await idp.login(idp.person(verified({ tenant_code: 'crowd' })))
      const answers = await Promise.all(Array.from({ length: 8 }, () => me(token)))
      expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    })

    describe('workspaces', () => {
      it('a code of none is refused, and nothing is made', async () => {
        const claims = verified({ tenant_code: 'nowhere' })
        const sub = idp.person(claims)
        const refused = await me(await idp.login(sub))
        expect(refused).toMatchObject({ status: 403, body: { message: 'The token names no workspace of this server' } })
        idp.change(sub, { tenant_code: ['%', '', '../x', 7] })
        expect((await me(await idp.login(sub))).status).toBe(403)
        idp.change(sub, { tenant_code: 7 })
        expect((await me(await idp.login(sub))).status).toBe(403)
        idp.change(sub, { tenant_code: undefined })
        expect(await me(await idp.login(sub))).toMatchObject({
          status: 403,
          body: { message: 'The token names no workspace, and you are a member of none' },
        })
        const { database } = parley.parley
        const made = await database.read.selectFrom('users').select('id').where('email', '=', claims.email).execute()
        expect(made).toEqual([])
      })

      it('several codes: the header chooses, else the first; no other one exists', async () => {
        const one = await workspace('several-one')
        const two = await workspace('several-two')
        const three = await workspace('several-three')
        const token = await idp.login(idp.person(verified({ tenant_code: ['unknown', 'several-one', 'several-two'] })))
        const at = async (id: string) => (await me(token, parley, { 'x-workspace-id': id })).body
        expect((await me(token)).body.data.workspace_id).toBe(one.id)
        expect((await at(two.id)).data.workspace_id).toBe(two.id)
        expect(await at(three.id)).toMatchObject({ code: 404, message: 'Workspace not found' })
        // A member of both now; the token of one opens only that one.
        const bound = await ask(parley, token, `/api/v1/workspaces/${two.id}`)
        expect(bound.status).toBe(404)
      })

      it('the default is for tokens that name none; a code may make one', async () => {
        const other = await started({ PARLEY_JWKS_DEFAULT_TENANT: 'default', PARLEY_JWKS_CREATE_TENANTS: 'on' })
        const without = await me(await idp.login(idp.person(verified())), other)
        expect(without.body.data.role).toBe('member')
        const token = await idp.login(idp.person(verified({ tenant_code: 'Brand-New' })))
        const made = await me(token, other)
        expect(made.body.data.role).toBe('member')
        const seen = await ask(other, token, `/api/v1/workspaces/${made.body.data.workspace_id}`)
        expect(seen.body.data).toMatchObject({ code: 'brand-new', name: 'brand-new' })
        const members = await ask(other, token, `/api/v1/workspaces/${seen.body.data.id}/members`)
        expect(members.body.data.map((one: { email: string; role: string }) => [one.email, one.role])).toEqual([
          [ownerEmail, 'owner'],
          [made.body.data.email, 'member'],
        ])
        const second = await me(await idp.login(idp.person(verified({ tenant_code: 'brand-new' }))), other)
        expect(second.body.data.workspace_id).toBe(made.body.data.workspace_id)
      })

      it('without a claim a token acts where its person was added', async () => {
        const { id, owner } = await workspace('added-here')
        const { id: elsewhere } = await workspace('not-added')
        const sub = idp.person(verified({ tenant_code: 'added-here' }))
        const person = (await me(await idp.login(sub))).body.data
        idp.change(sub, { tenant_code: null })
        const token = await idp.login(sub)
        expect((await me(token)).body.data.workspace_id).toBe(id)
        expect((await me(token, parley, { 'x-workspace-id': elsewhere })).status).toBe(404)
        await ask(parley, owner, `/api/v1/workspaces/${id}/members/${person.id}`, { method: 'DELETE' })
        expect((await me(token)).status).toBe(403)
      })
    })

    it('roles follow the token, but a workspace keeps its last owner', async () => {
      const other = await started({
        PARLEY_JWKS_ROLES: 'chat-admins=admin, chat-owners=owner',
        PARLEY_JWKS_ROLES_CLAIM: 'realm_access.roles',
      })
      const { id, owner } = await workspace('roles', other)
      const roles = (...names: unknown[]) => ({ realm_access: { roles: names } })
      const sub = idp.person(verified({ tenant_code: 'roles', ...roles('chat-admins', 'chat-owners', 'x', 5) }))
      const role = async () => (await me(await idp.login(sub), other)).body.data.role
      expect(await role()).toBe('owner')
      idp.change(sub, roles('chat-admins'))
      expect(await role()).toBe('admin')
      idp.change(sub, roles('admin', '__proto__', 'constructor'))
      expect(await role()).toBe('member')
      idp.change(sub, roles('chat-owners'))
      const token = await idp.login(sub)
      const member = (await me(token, other)).body.data.id
      // Now the first owner goes, and he is the last.
      const founder = (await me(owner, other)).body.data.id
      const left = await ask(other, owner, `/api/v1/workspaces/${id}/members/${founder}`, { method: 'DELETE' })
      expect(left.status, left.text).toBe(200)
      idp.change(sub, { realm_access: {} })
      expect(await role()).toBe('owner')
      const members = await ask(other, token, `/api/v1/workspaces/${id}/members`)
      expect(members.body.data).toMatchObject([{ user_id: member, role: 'owner' }])
    })

    describe('keys', () => {
      it('a rotated key counts at once, a withdrawn one no longer after ten minutes', async () => {
        await workspace('rotation')
        const sub = idp.person(verified({ tenant_code: 'rotation' }))
        const old = await idp.login(sub)
        expect((await me(old)).status).toBe(200)
        clock.ahead = minuteMs
        idp.rotate()
        const fresh = await idp.login(sub)
        expect((await me(fresh)).status).toBe(200)
        expect((await me(old)).status).toBe(200)
        idp.rotate({ withdraw: true })
        clock.ahead = 5 * minuteMs
        expect((await me(old)).status).toBe(200)
        clock.ahead = 12 * minuteMs
        expect((await me(old)).status).toBe(401)
        expect((await me(fresh)).status).toBe(401)
        expect((await me(await idp.login(sub))).status).toBe(200)
      })

      it('invented key names make nobody ask the provider again and again', async () => {
        await workspace('invented')
        const token = await idp.login(idp.person(verified({ tenant_code: 'invented' })))
        clock.ahead = 20 * minuteMs
        expect((await me(token)).status).toBe(200)
        const guess = async (kid: string) => (await me(await idp.sign({}, { kid }, idp.newKey()))).status
        expect(await guess('first')).toBe(401)
        const before = idp.keyRequests
        for (let count = 0; count < 5; count++) expect(await guess(`guess-${count}`)).toBe(401)
        expect(idp.keyRequests).toBe(before)
        clock.ahead += 31_000
        const all = await Promise.all(Array.from({ length: 10 }, (_, count) => guess(`again-${count}`)))
        expect(new Set(all)).toEqual(new Set([401]))
        expect(idp.keyRequests).toBe(before + 1)
      })

      it('an outage: known keys go on for a day, and who cannot be looked at is told to come back', async () => {
        const other = await started()
        await workspace('outage', other)
        const sub = idp.person(verified({ tenant_code: 'outage' }))
        const token = await idp.login(sub)
        idp.down = true
        const unknown = await me(token, other)
        expect(unknown).toMatchObject({ status: 503, body: { message: 'The identity provider cannot be reached now' } })
        expect(Number(unknown.headers.get('retry-after'))).toBeGreaterThan(0)
        const socket = await openLive(other, `/ws/chat/s?token=${token}`)
        expect((await socket.closed).code).toBe(1013)
        // Our own tokens and keys need nobody.
        expect((await me(other.key, other)).status).toBe(200)

        idp.down = false
        expect((await me(token, other)).status).toBe(503)
        clock.ahead = 6_000
        expect((await me(token, other)).status).toBe(200)
        idp.rotate()
        const fresh = await idp.login(sub)
        idp.down = true
        for (const ahead of [30 * minuteMs, 12 * 60 * minuteMs, 23 * 60 * minuteMs]) {
          clock.ahead = ahead
          expect((await me(token, other)).status).toBe(200)
          // Its key may be new: nobody can say that it is none.
          expect((await me(fresh, other)).status).toBe(503)
        }
        clock.ahead = 25 * 60 * minuteMs
        expect((await me(token, other)).status).toBe(503)
        idp.down = false
        clock.ahead += 6_000
        expect((await me(fresh, other)).status).toBe(200)
      })
    })

    it('stay out when they are disabled here, also on a socket that is open', async () => {
      await workspace('disabled')
      const sub = idp.person(verified({ tenant_code: 'disabled' }))
      const token = await idp.login(sub)
      const person = (await me(token)).body.data
      const socket = await openLive(parley, `/ws/chat/s?token=${token}`)
      // Until it answers it may still be looking whose token it is, and would remember what it saw.
      socket.send({ type: 'ping' })
      await socket.until(({ type }) => type === 'pong')
      const { database } = parley.parley
      await database.write((tx) =>
        tx.db.updateTable('users').set({ disabled: 1 }).where('public_id', '=', person.id).execute(),
      )
      clock.ahead = 6_000
      expect((await me(token)).status).toBe(401)
      expect((await me(await idp.login(sub))).status).toBe(401)
      socket.send({ type: 'chat', content: 'hello', application_id: 'assistant' })
      expect(await socket.closed).toEqual({ code: 1008, reason: 'Invalid token' })
    })

    it('log out everywhere: tokens from before are void, later ones count', async () => {
      await workspace('logout')
      const sub = idp.person(verified({ tenant_code: 'logout' }))
      const token = await idp.login(sub)
      const out = (body: object) => ask(parley, token, '/api/v1/auth/logout', { method: 'POST', body })
      const alone = await out({})
      expect(alone).toMatchObject({ status: 422 })
      expect(alone.body.message).toContain('identity provider')
      clock.ahead = 2_000
      expect((await out({ all: true })).status).toBe(200)
      expect((await me(token)).status).toBe(401)
      const now = Math.floor(overrides.now() / 1000)
      expect((await me(await idp.sign({ sub, iat: now + 1, tenant_code: 'logout' }))).status).toBe(200)
    })

    it('an open socket does and tells nothing more when its token is over', async () => {
      await workspace('ends')
      const sub = idp.person(verified({ tenant_code: 'ends' }))
      expect((await me(await idp.login(sub))).status).toBe(200)
      const token = await idp.sign({ sub, tenant_code: 'ends' })
      const person = (await me(token)).body.data
      const socket = await openLive(parley, `/ws/notifications/${person.id}?token=${token}`)
      const chat = await openLive(parley, `/ws/chat/s?token=${token}`)
      const ack = { type: 'ack', ids: [crypto.randomUUID()] }
      socket.send(ack)
      await socket.until(({ type }) => type === 'ack_result')
      clock.ahead = 11 * minuteMs
      socket.send(ack)
      expect(await socket.until(({ type }) => type === 'error')).toMatchObject({ code: 'auth_error' })
      chat.send({ type: 'chat', content: 'hello', application_id: 'assistant' })
      expect(await chat.closed).toEqual({ code: 1008, reason: 'Invalid token' })
    })

    it('erase their account without a password; what was issued before does not bring it back, a later login does', async () => {
      await workspace('erased')
      const claims = verified({ tenant_code: 'erased', name: 'Nobody Else' })
      const sub = idp.person(claims)
      const token = await idp.login(sub)
      const first = (await me(token)).body.data.id
      clock.ahead = 2_000
      const erased = await ask(parley, token, '/api/v1/users/me/data', { method: 'DELETE', body: { anonymise: true } })
      expect(erased).toMatchObject({ status: 200, body: { data: { status: 'completed', anonymised: true } } })
      expect((await me(token)).status).toBe(401)
      expect((await me(await idp.sign({ sub, ...claims }))).status).toBe(401)
      const { database } = parley.parley
      for (const secret of [sub, claims.email, 'Nobody Else']) expect(await placesOf(database, secret)).toEqual([])
      const now = Math.floor(overrides.now() / 1000)
      const later = await idp.sign({ sub, ...claims, iat: now + 1, exp: now + 600 })
      const back = await me(later)
      expect(back.status).toBe(200)
      expect(back.body.data.id).not.toBe(first)
      clock.ahead = 4_000
      const again = await ask(parley, later, '/api/v1/users/me/data', { method: 'DELETE', body: { anonymise: true } })
      expect(again.status).toBe(200)
      expect((await me(later)).status).toBe(401)
    })

    it('have no password here, and none can be guessed', async () => {
      await workspace('no-password')
      const claims = verified({ tenant_code: 'no-password' })
      const token = await idp.login(idp.person(claims))
      expect((await me(token)).status).toBe(200)
      for (const password of ['', ' ', 'undefined', '!']) {
        const login = await ask(parley, '', '/api/v1/auth/login', {
          method: 'POST',
          body: { email: claims.email, password },
        })
        expect(login.status).toBe(401)
      }
      const change = { current_password: '', new_password: 'a long new password' }
      const changed = await ask(parley, token, '/api/v1/auth/password', { method: 'POST', body: change })
      expect(changed.status).toBe(422)
    })
  })
