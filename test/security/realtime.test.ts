import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

/** Texts, JSON of any kind, objects with our words in strange places, and bytes. */
const odd = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', '\0', '\ud800', {}, [[]]))
const junk: fc.Arbitrary<string | Buffer> = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  fc.json(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc
    .record({
      type: fc.oneof(odd, fc.constantFrom('ack', 'read', 'document_updated', 'application_changed', 'member_added')),
      // Never what is asked for: a list of lists, a number, nothing.
      id: fc.constantFrom(7, {}, [], false, 'x'.repeat(300)),
      ids: odd,
      document_id: fc.constantFrom(7, {}, [], '', 'x'.repeat(300)),
      application_id: fc.constantFrom(null, 7, {}),
      user_id: fc.constantFrom(undefined, 7, [], 'x\0'),
      __proto__: odd,
    })
    .map((frame) => JSON.stringify(frame)),
)

for (const kind of databaseKinds)
  describe(`notifications, workspaces and runs of others stay theirs on ${kind}`, () => {
    let world: World
    let alice: Person
    let bob: Person
    let hers: Belongings
    let his: Belongings

    beforeAll(async () => {
      world = await makeWorld(kind)
      alice = await world.person('alice')
      bob = await world.person('bob')
      hers = await world.belongings(alice, 'alice-alone')
      his = await world.belongings(bob, 'bob-alone')
    })
    afterAll(() => world?.close())

    const open = (path: string, headers: Record<string, string> = {}) => openLive(world.parley, path, headers)
    /** How a socket is refused: nothing may have been said before. */
    async function refusalOf(path: string, headers: Record<string, string> = {}) {
      const socket = await open(path, headers)
      const closed = await socket.closed
      expect(socket.texts, path).toEqual([])
      return closed
    }
    async function settled(socket: LiveSocket): Promise<void> {
      const pongs = socket.frames.filter(({ type }) => type === 'pong').length
      socket.send({ type: 'ping' })
      await socket.take('pong', pongs + 1)
    }
    /** Everything that was said in a workspace so far has come to this socket: what is said last comes last. */
    async function overheard(
      socket: LiveSocket,
      workspace: string,
      who: { jwt: string },
    ): Promise<LiveSocket['frames']> {
      // It has to be there itself by then.
      await settled(socket)
      const tab = await open(`/ws/workspaces/${workspace}?token=${who.jwt}`)
      const last = crypto.randomUUID()
      tab.send({ type: 'document_updated', document_id: last })
      await socket.until(({ document_id }) => document_id === last)
      await tab.close()
      return socket.frames.filter(({ type, document_id }) => type !== 'pong' && document_id !== last)
    }
    const badToken = { code: 1008, reason: 'Invalid token' }

    it('opens no one’s notifications but one’s own', async () => {
      const refused = { code: 1008, reason: 'These are not your notifications' }
      for (const id of [hers.user, crypto.randomUUID(), 'x', "x'--", `${his.user}%20`, '%00'])
        expect(await refusalOf(`/ws/notifications/${id}?token=${bob.jwt}`)).toEqual(refused)
      expect(await refusalOf(`/ws/notifications/${hers.user}`, { 'x-api-key': bob.key })).toEqual(refused)
      const own = await open(`/ws/notifications/${his.user.toUpperCase()}?token=${bob.jwt}`)
      await own.until(({ type }) => type === 'notification')
      for (const word of hers.words) expect(own.texts.join('')).not.toContain(word)
      await own.close()
    })

    it('opens nothing without a credential, with a bad one, or with an app’s token', async () => {
      for (const path of [`/ws/notifications/${his.user}`, `/ws/workspaces/${his.workspace}`]) {
        expect(await refusalOf(path)).toEqual(badToken)
        for (const token of ['', 'bad', `${bob.jwt}x`, bob.refreshToken, 'parley_nothing'])
          expect(await refusalOf(`${path}?token=${encodeURIComponent(token)}`)).toEqual(badToken)
        const visitor = { code: 1008, reason: "An app's access token opens that app only" }
        expect(await refusalOf(`${path}?token=${his.appToken}`)).toEqual(visitor)
        // A page of another site has the cookie sent with it, but is not believed.
        expect(await refusalOf(path, { cookie: bob.cookie, origin: 'https://evil.example' })).toEqual(badToken)
        expect(await refusalOf(path, { cookie: bob.cookie })).toEqual(badToken)
        const page = await open(path, { cookie: bob.cookie, origin: world.parley.url })
        await settled(page)
        await page.close()
      }
    })

    it('says the same of a workspace one is not in and of one that there is not', async () => {
      const refused = { code: 1008, reason: 'Workspace not found' }
      for (const id of [hers.workspace, crypto.randomUUID(), 'x', '%00', "' or 1=1"])
        expect(await refusalOf(`/ws/workspaces/${encodeURIComponent(id)}?token=${bob.jwt}`)).toEqual(refused)
      // Nor does a header that names one's own help, or a key of another workspace of the same person.
      const headers = { ...bearer(bob.jwt), 'x-workspace-id': his.workspace }
      expect(await refusalOf(`/ws/workspaces/${hers.workspace}`, headers)).toEqual(refused)
      const made = await world.must('POST', '/api/v1/workspaces', {
        headers: bearer(alice.jwt),
        body: { name: 'Second' },
      })
      const second: string = made.json.data.id
      expect(await refusalOf(`/ws/workspaces/${second}`, { 'x-api-key': alice.key })).toEqual(refused)
      const both = await open(`/ws/workspaces/${second}?token=${alice.jwt}`)
      await settled(both)
      await both.close()
    })

    it('marks nothing of anybody else’s', async () => {
      const before = await world.rowsOf(hers.workspace)
      const socket = await open(`/ws/notifications/${his.user}?token=${bob.jwt}`)
      for (const type of ['ack', 'read']) {
        socket.send({ type, id: hers.notification })
        socket.send({ type, ids: [hers.notification, crypto.randomUUID(), '%', his.notification] })
      }
      const [, acked] = await socket.take('ack_result', 2)
      const [first, read] = await socket.take('read_result', 2)
      // Somebody else's is as unknown as one that there is not.
      expect(first!.ids).toEqual([])
      for (const frame of [acked!, read!]) expect(frame.ids).toEqual([his.notification])
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      await socket.close()
    })

    it('lets a key that may only read neither mark nor say anything', async () => {
      const made = await world.must('POST', '/api/v1/api-keys', {
        headers: bearer(alice.jwt),
        body: { name: 'reader', scopes: ['read'] },
      })
      const headers = { 'x-api-key': made.json.key as string }
      const before = await world.rowsOf(hers.workspace)
      const notes = await open(`/ws/notifications/${hers.user}`, headers)
      notes.send({ type: 'ack', id: hers.notification })
      expect(await notes.until(({ type }) => type === 'error')).toMatchObject({ code: 'auth_error' })
      const witness = await open(`/ws/workspaces/${hers.workspace}?token=${alice.jwt}`)
      const room = await open(`/ws/workspaces/${hers.workspace}`, headers)
      room.send({ type: 'document_updated', document_id: 'forged' })
      expect(await room.until(({ type }) => type === 'error')).toMatchObject({ code: 'auth_error' })
      expect(JSON.stringify(await overheard(witness, hers.workspace, alice))).not.toContain('forged')
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      const blind = await world.must('POST', '/api/v1/api-keys', {
        headers: bearer(alice.jwt),
        body: { name: 'writer', scopes: ['write'] },
      })
      expect(await refusalOf(`/ws/workspaces/${hers.workspace}`, { 'x-api-key': blind.json.key })).toMatchObject({
        code: 1008,
      })
      for (const socket of [notes, room, witness]) await socket.close()
    })

    it('closes notifications for who logs out, whose password changes, and whose key is revoked', async () => {
      const carol = await world.person('carol')
      const path = `/ws/notifications/${carol.user}`
      const [byToken, byKey] = [await open(`${path}?token=${carol.jwt}`), await open(path, { 'x-api-key': carol.key })]
      for (const socket of [byToken, byKey]) await settled(socket)
      const keys = await world.must('GET', `/api/v1/api-keys?workspace_id=${carol.workspace}`, {
        headers: bearer(carol.jwt),
      })
      await world.must('DELETE', `/api/v1/api-keys/${keys.json[0].id}`, { headers: bearer(carol.jwt) })
      expect(await byKey.closed).toEqual(badToken)
      await world.must('POST', '/api/v1/auth/password', {
        headers: bearer(carol.jwt),
        body: { current_password: carol.password, new_password: 'another long password' },
      })
      expect(await byToken.closed).toEqual(badToken)
      expect(await refusalOf(`${path}?token=${carol.jwt}`)).toEqual(badToken)
    })

    it('shows a run to who holds its id, and nothing of another', async () => {
      const socket = await open(`/api/v1/ws/plugin/debug/${hers.execution}`)
      await socket.until(({ type }) => type === 'log')
      for (const word of his.words) expect(socket.texts.join('')).not.toContain(word)
      await socket.close()
      const missing = { code: 1008, reason: 'Execution not found' }
      for (const id of [hers.execution.slice(0, -1), `${hers.execution}x`, hers.execution.toUpperCase(), '%', "'"])
        expect(await refusalOf(`/api/v1/ws/plugin/debug/${encodeURIComponent(id)}`)).toEqual(missing)
      // Its id is not to be had from anything but the REST of who may see it.
      const asked = await world.ask('GET', '/api/v1/plugin/executions', { headers: bearer(bob.jwt) })
      expect(asked.text).toContain(his.execution)
      expect(asked.text).not.toContain(hers.execution)
    })

    it('answers junk with an error or a pong, tells nobody, and stays open', async () => {
      const witness = await open(`/ws/workspaces/${his.workspace}?token=${bob.jwt}`)
      const sockets = [
        await open(`/ws/notifications/${his.user}?token=${bob.jwt}`),
        await open(`/ws/workspaces/${his.workspace}?token=${bob.jwt}`),
        await open(`/api/v1/ws/plugin/debug/${his.execution}`),
      ]
      const before = await world.rowsOf(his.workspace)
      await fc.assert(
        fc.asyncProperty(junk, async (frame) => {
          for (const socket of sockets) {
            const answers = () => socket.texts.filter((text) => text === 'pong' || /"type":"(error|pong)"/.test(text))
            const count = answers().length
            socket.socket.send(frame)
            await socket.until(() => answers().length > count)
          }
        }),
        { numRuns: 150 },
      )
      expect(await overheard(witness, his.workspace, bob)).toEqual([])
      expect(await world.rowsOf(his.workspace)).toEqual(before)
      for (const socket of [witness, ...sockets]) await socket.close()
    })

    it('does not let a workspace hear what is said in another, also of a user in both', async () => {
      const dave = await world.person('dave')
      await world.must('POST', `/api/v1/workspaces/${hers.workspace}/members`, {
        headers: bearer(alice.jwt),
        body: { user_id: dave.user },
      })
      const inHers = await open(`/ws/workspaces/${hers.workspace}?token=${dave.jwt}`)
      const inHisOwn = await open(`/ws/workspaces/${dave.workspace}?token=${dave.jwt}`)
      const stranger = await open(`/ws/workspaces/${his.workspace}?token=${bob.jwt}`)
      for (const socket of [inHers, inHisOwn, stranger]) await settled(socket)
      inHisOwn.send({ type: 'document_updated', document_id: 'of Dave alone', workspace_id: hers.workspace })
      await world.must('PATCH', `/api/v1/applications/${hers.app}`, {
        headers: bearer(alice.jwt),
        body: { description: 'changed' },
      })
      await inHers.until(({ type }) => type === 'application_changed')
      expect(JSON.stringify(await overheard(inHers, hers.workspace, alice))).not.toContain('of Dave alone')
      expect(await overheard(inHisOwn, dave.workspace, dave)).toEqual([])
      expect(await overheard(stranger, his.workspace, bob)).toEqual([])
      for (const socket of [inHers, inHisOwn, stranger]) await socket.close()
    })
  })
