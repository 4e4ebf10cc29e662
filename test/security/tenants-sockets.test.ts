import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

for (const kind of databaseKinds)
  describe(`frames of the chat socket reach nothing of another workspace on ${kind}`, () => {
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

    /** Opens as Bob on a session that has the id of Alice's. */
    const openAsBob = async () => {
      const socket = await world.socket(`/ws/chat/${hers.session}?token=${bob.jwt}`)
      await socket.next('connected')
      return socket
    }

    it.each([
      ['chat with an app', () => ({ type: 'chat', content: 'hi', application_id: hers.app }), 'not_found'],
      ['chat with an app by slug', () => ({ type: 'chat', content: 'hi', application_id: hers.slug }), 'not_found'],
      ['chat in a session', () => ({ type: 'chat', content: 'hi', chat_id: hers.session }), 'invalid_request'],
      ['chat in the session of the path', () => ({ type: 'chat', content: 'hi' }), 'invalid_request'],
      ['resume a running turn', () => ({ type: 'resume', turn_id: hers.running }), 'not_found'],
      ['resume an ended turn', () => ({ type: 'resume', turn_id: hers.turn, after: 0 }), 'not_found'],
      ['cancel', () => ({ type: 'cancel', turn_id: hers.running }), 'not_found'],
      ['stop by message id', () => ({ type: 'stop', message_id: hers.running }), 'not_found'],
      ['steer', () => ({ type: 'steer', turn_id: hers.running, content: 'say more' }), 'not_found'],
      [
        'give a tool result',
        () => ({ type: 'tool_result', turn_id: hers.running, tool_call_id: 'c', result: 'r' }),
        'not_found',
      ],
    ])('%s of another workspace', async (_, frame, code) => {
      const before = await world.rowsOf(hers.workspace)
      const socket = await openAsBob()
      socket.send(frame())
      const error = await socket.next('error')
      expect(error.code).toBe(code)
      await socket.settled()
      for (const word of hers.words) expect(JSON.stringify(socket.frames)).not.toContain(word)
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      socket.close()
      await socket.closed
    })

    it.each([
      ['read', () => ({ type: 'chat', content: 'hi', application_id: his.app })],
      ['read', () => ({ type: 'cancel', turn_id: his.running })],
      ['read', () => ({ type: 'stop', message_id: his.running })],
      ['read', () => ({ type: 'steer', turn_id: his.running, content: 'say more' })],
      ['read', () => ({ type: 'tool_result', turn_id: his.running, tool_call_id: 'c', result: 'r' })],
      ['write', () => ({ type: 'resume', turn_id: his.turn, after: 0 })],
    ] as const)('a key that may only %s does no more', async (scope, frame) => {
      const made = await world.must('POST', '/api/v1/api-keys', {
        headers: bearer(bob.jwt),
        body: { name: scope, scopes: [scope] },
      })
      const before = await world.rowsOf(his.workspace)
      const socket = await world.socket(`/ws/chat/${his.session}`, { 'x-api-key': made.json.key as string })
      await socket.next('connected')
      socket.send(frame())
      expect(await socket.next('error')).toMatchObject({ message: expect.stringContaining('lacks the scope') })
      await socket.settled()
      for (const word of his.words) expect(JSON.stringify(socket.frames)).not.toContain(word)
      expect(await world.rowsOf(his.workspace)).toEqual(before)
      socket.close()
      await socket.closed
    })

    it('begins a conversation of its own when it names another’s beside its own app', async () => {
      const before = await world.rowsOf(hers.workspace)
      const socket = await openAsBob()
      socket.send({ type: 'chat', content: 'hi', application_id: his.app, chat_id: hers.session })
      const end = await socket.next('response_end')
      expect(end.full_response).toBe('You said: hi')
      const asked = world.upstream.requests.at(-1)!
      for (const word of hers.words) expect(JSON.stringify(asked.body)).not.toContain(word)
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      socket.close()
      await socket.closed
    })

    it('hears nothing of who uses the same session id in another workspace', async () => {
      const spy = await openAsBob()
      const owner = await world.socket(`/ws/chat/${hers.session}?token=${alice.jwt}`)
      await owner.next('connected')
      owner.send({ type: 'typing' })
      owner.send({ type: 'chat', content: 'hi', application_id: hers.app, chat_id: hers.session })
      await owner.next('response_end')
      owner.close()
      await owner.closed
      await spy.settled()
      expect(spy.frames.map(({ type }) => type)).toEqual(['connected', 'pong'])
      spy.close()
      await spy.closed
    })

    it('reaches with an app’s token that app only', async () => {
      const other = await world.must('POST', '/api/v1/applications', {
        headers: bearer(alice.jwt),
        body: { name: 'Other app', model: 'gpt-sim' },
      })
      const socket = await world.socket(`/ws/chat/visitor?token=${hers.appToken}`)
      await socket.next('connected')
      for (const application_id of [other.json.data.id, 'other-app', his.app]) {
        socket.send({ type: 'chat', content: 'hi', application_id })
        expect((await socket.next('error')).code).toBe('not_found')
      }
      socket.send({ type: 'resume', turn_id: his.turn })
      expect((await socket.next('error')).code).toBe('not_found')
      socket.send({ type: 'chat', content: 'hi', application_id: hers.app })
      expect((await socket.next('response_end')).full_response).toBe('You said: hi')
      socket.close()
      await socket.closed
    })

    it('cannot be led from one app to another by an app token in a frame', async () => {
      const socket = await world.socket('/ws/chat/nobody')
      await socket.next('connected')
      socket.send({ type: 'chat', content: 'hi', application_id: his.appToken })
      await socket.next('response_end')
      for (const frame of [
        { type: 'chat', content: 'hi', application_id: hers.app },
        { type: 'resume', turn_id: hers.turn },
        { type: 'cancel', turn_id: hers.running },
      ]) {
        socket.send(frame)
        expect((await socket.next('error')).code).toBe('not_found')
      }
      socket.close()
      await socket.closed
    })

    it('does nothing for nobody', async () => {
      const before = await world.rowsOf(hers.workspace)
      const socket = await world.socket(`/ws/chat/${hers.session}`)
      expect((await socket.next('connected')).user_id).toBe('anonymous')
      for (const frame of [
        { type: 'chat', content: 'hi', application_id: hers.app },
        { type: 'chat', content: 'hi' },
        { type: 'resume', turn_id: hers.turn },
        { type: 'cancel', turn_id: hers.running },
        { type: 'steer', turn_id: hers.running, content: 'more' },
      ]) {
        socket.send(frame)
        expect((await socket.next('error')).code).toBe('auth_error')
      }
      expect(await world.rowsOf(hers.workspace)).toEqual(before)
      socket.close()
      await socket.closed
    })
  })
