import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { dial, handshake } from '#test/support/raw-websocket.ts'
import { until } from '#test/support/until.ts'
import type { RawSocket } from './socket.ts'
import { bearer, makeWorld, type Person, type World } from './world.ts'

const plenty = '1000000/min'
const env = {
  PARLEY_LIMITS: 'on',
  PARLEY_LIMIT_IP: plenty,
  PARLEY_LIMIT_USER: plenty,
  PARLEY_LIMIT_CHAT: plenty,
  PARLEY_SOCKETS_PER_IP: '6',
  PARLEY_SOCKETS_PER_USER: '3',
  PARLEY_SOCKET_MAX_FRAME: '4096',
  PARLEY_TRUST_PROXY: '127.0.0.1',
}
const tooManyHere = { code: 1013, reason: 'too many connections from this address' }
const tooManyOfUser = { code: 1013, reason: 'too many connections of this user' }

for (const kind of databaseKinds)
  describe(`sockets in bad hands on ${kind}`, () => {
    let world: World
    let alice: Person
    let bob: Person

    beforeEach(async () => {
      world = await makeWorld(kind, { env })
      alice = await world.person('alice')
      bob = await world.person('bob')
    })
    afterEach(() => world?.close())

    const from = (address: string) => ({ 'x-forwarded-for': address })

    async function open(path: string, headers: Record<string, string> = {}): Promise<RawSocket> {
      const socket = await world.socket(path, headers)
      await socket.settled()
      return socket
    }

    /** The server has noticed that it is gone. */
    async function leave(socket: RawSocket): Promise<void> {
      const { total_connections: before } = await stats()
      socket.close()
      await socket.closed
      await until(async () => (await stats()).total_connections < before)
    }

    async function stats() {
      const answer = await world.must('GET', '/ws/stats', { headers: bearer(world.parley.key) })
      return answer.json
    }

    it('are as many as an address may have, of all doors together', async () => {
      const mine = from('203.0.113.1')
      const paths = [
        `/ws/chat/a`,
        `/ws/chat/b?token=${alice.jwt}`,
        `/chat?token=${alice.key}`,
        `/ws/notifications/${bob.user}?token=${bob.jwt}`,
        `/ws/workspaces/${bob.workspace}?token=${bob.jwt}`,
        `/ws/chat/c`,
      ]
      const all: RawSocket[] = []
      for (const path of paths) all.push(await open(path, mine))
      for (const path of paths) expect(await (await world.socket(path, mine)).closed).toEqual(tooManyHere)
      // Not of another one, and who has no proxy before him has told a lie.
      await open('/ws/chat/d', from('203.0.113.2'))
      expect((await stats()).total_connections).toBe(7)
      await leave(all[0]!)
      await open('/ws/chat/a', mine)
    })

    it('are as many as a user may have, wherever they come from, and as many again of each key', async () => {
      const jwt = (index: number) => world.socket(`/ws/chat/${index}?token=${alice.jwt}`, from(`203.0.113.${index}`))
      const key = (index: number) => world.socket('/chat', { 'x-api-key': alice.key, ...from(`198.51.100.${index}`) })
      const first = await jwt(0)
      await first.settled()
      for (let index = 1; index < 3; index++) await (await jwt(index)).settled()
      expect(await (await jwt(3)).closed).toEqual(tooManyOfUser)
      for (let index = 0; index < 3; index++) await (await key(index)).settled()
      expect(await (await key(3)).closed).toEqual(tooManyOfUser)
      await (await world.socket(`/ws/chat/x?token=${bob.jwt}`)).settled()
      await leave(first)
      await (await jwt(4)).settled()
    })

    it('say no frame larger than they may', async () => {
      for (const path of [
        '/ws/chat/a',
        `/chat?token=${alice.jwt}`,
        `/ws/notifications/${alice.user}?token=${alice.jwt}`,
      ]) {
        const socket = await open(path)
        socket.send(JSON.stringify({ type: 'ping', padding: 'x'.repeat(3_900) }))
        await socket.settled()
        socket.send('x'.repeat(4_097))
        expect((await socket.closed).code, path).toBe(1009)
      }
    })

    it('that are refused or never finish their handshake leave nothing behind', async () => {
      const { url } = world.parley
      const unknown = dial(url)
      unknown.write(handshake({ path: '/ws/nothing/here' }))
      expect((await unknown.answer).status).toBe(404)
      await unknown.gone
      expect(JSON.parse(unknown.body)).toMatchObject({ status: 'error', code: 404 })
      const onAnotherRoute = dial(url)
      onAnotherRoute.write(handshake({ path: '/v1/models' }))
      expect((await onAnotherRoute.answer).status).toBe(401)
      const plain = await world.ask('GET', '/ws/chat/a')
      expect([plain.status, plain.json.status, plain.json.code]).toEqual([426, 'error', 426])
      for (let attempt = 0; attempt < 10; attempt++) {
        const refused = await world.socket('/ws/chat/a?token=nonsense', from('203.0.113.5'))
        expect(await refused.closed).toEqual({ code: 1008, reason: 'Invalid token' })
      }
      for (let attempt = 0; attempt < 10; attempt++) {
        const half = dial(url)
        half.write(handshake({ path: '/ws/chat/a' }))
        await half.answer
        half.destroy()
      }
      await until(async () => (await stats()).total_connections === 0)
      await open('/ws/chat/a')
    })

    describe('end when the access behind them does', () => {
      /** Resolves with how it ended, and that it did not end before `lose`. */
      async function lost(sockets: RawSocket[], lose: () => Promise<unknown>) {
        for (const socket of sockets) await socket.settled()
        await lose()
        return Promise.all(sockets.map(({ closed }) => closed))
      }
      const gone = { code: 1008, reason: 'Invalid token' }

      it('a logout', async () => {
        const bystander = await open(`/ws/chat/other?token=${alice.key}`)
        const mine = [
          await open(`/ws/chat/a?token=${alice.jwt}`),
          await open(`/ws/notifications/${alice.user}?token=${alice.jwt}`),
        ]
        const logout = () => world.must('POST', '/api/v1/auth/logout', { headers: bearer(alice.jwt) })
        expect((await lost(mine, logout))[0]).toEqual(gone)
        await bystander.settled()
      })

      it('a new password', async () => {
        const body = { current_password: alice.password, new_password: 'another long password' }
        const change = () => world.must('POST', '/api/v1/auth/password', { headers: bearer(alice.jwt), body })
        expect(await lost([await open(`/ws/chat/a?token=${alice.jwt}`)], change)).toEqual([gone])
      })

      it('a revoked key', async () => {
        const headers = bearer(alice.jwt)
        const made = await world.must('POST', '/api/v1/api-keys', { headers, body: { name: 'soon gone' } })
        const socket = await open('/ws/chat/a', { 'x-api-key': made.json.key })
        const revoke = () => world.must('DELETE', `/api/v1/api-keys/${made.json.id}`, { headers })
        expect(await lost([socket], revoke)).toEqual([gone])
      })

      it('a membership', async () => {
        const headers = bearer(alice.jwt)
        const members = `/api/v1/workspaces/${alice.workspace}/members`
        await world.must('POST', members, { headers, body: { user_id: bob.user, role: 'member' } })
        const inside = { ...bearer(bob.jwt), 'x-workspace-id': alice.workspace }
        const remains = await open('/ws/chat/own', bearer(bob.jwt))
        const sockets = [await open('/ws/chat/a', inside), await open(`/ws/workspaces/${alice.workspace}`, inside)]
        const remove = () => world.must('DELETE', `${members}/${bob.user}`, { headers })
        for (const ending of await lost(sockets, remove)) expect(ending.code).toBe(1008)
        await remains.settled()
      })

      it.each(['token/rotate', 'disable', 'delete'])('an app’s token: %s', async (how) => {
        const headers = bearer(alice.jwt)
        const body = { name: 'Public', model: 'gpt-sim' }
        const { json } = await world.must('POST', '/api/v1/applications', { headers, body })
        const { id, access_token: token } = json.data
        const socket = await open(`/ws/chat/visitor?token=${token}`)
        const late = await open('/ws/chat/stranger')
        late.send({ type: 'chat', content: 'hi', application_id: token })
        await late.next('response_end')
        const url = `/api/v1/applications/${id}`
        const lose = () => {
          if (how === 'delete') return world.must('DELETE', url, { headers })
          if (how === 'disable') return world.must('PATCH', url, { headers, body: { enabled: false } })
          return world.must('POST', `${url}/${how}`, { headers })
        }
        expect(await lost([socket, late], lose)).toEqual([gone, gone])
      })
    })

    it('are shown to administrators of the server only', async () => {
      const chat = await open(`/ws/chat/shown?token=${alice.jwt}`)
      await open(`/ws/workspaces/${alice.workspace}?token=${alice.jwt}`)
      await open(`/ws/notifications/${bob.user}?token=${bob.jwt}`)
      await open('/ws/chat/shown')
      expect(await stats()).toEqual({
        total_connections: 4,
        active_sessions: 2,
        active_users: 3,
        details: {
          sessions: { shown: 2, [`workspace_${alice.workspace}`]: 1 },
          users: { [alice.user]: 2, [bob.user]: 1, anonymous: 1 },
        },
      })
      chat.socket.ping()
      await once(chat.socket, 'pong')
      for (const url of ['/ws/stats', '/metrics']) {
        expect((await world.ask('GET', url, { headers: bearer(alice.jwt) })).status).toBe(403)
        expect((await world.ask('GET', url)).status).toBe(401)
      }
      const { text } = await world.must('GET', '/metrics', { headers: bearer(world.parley.key) })
      expect(text).toContain('parley_sockets_open{door="chat-socket"} 2\n')
      expect(text).toContain('parley_sockets_open{door="realtime"} 2\n')
      expect(text).toMatch(/parley_socket_owners{of="user"} 2\n/)
      expect(text).toMatch(/parley_http_requests_total{door="operations",status="4xx"} 4\n/)
      // Every line is one that Prometheus reads, and no figure is there twice.
      const lines = text.trimEnd().split('\n')
      const names = lines.filter((line) => !line.startsWith('#')).map((line) => line.replace(/ [^ ]+$/, ''))
      expect(new Set(names).size).toBe(names.length)
      for (const line of lines)
        expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+({\w+="[^"]*"(,\w+="[^"]*")*})? -?[\d.e+-]+)$/)
    })
  })
