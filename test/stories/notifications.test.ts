import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { ownerEmail, ownerPassword, startParley } from '#test/support/parley.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { useStory } from '#test/support/story.ts'

type Note = { id: string; title: string; kind: string; data: Record<string, unknown> }

for (const kind of databaseKinds)
  describe(`notifications on ${kind}`, () => {
    const story = useStory(kind)
    const connect = (who: StoryPerson) => openLive(story.parley, `/ws/notifications/${who.id}?token=${who.token}`)
    const take = async (socket: LiveSocket, count: number) =>
      (await socket.take('notification', count)).map(({ notification }) => notification as Note)
    const list = async (who: StoryPerson, query = '') =>
      (await story.api('GET', `/api/v1/notifications${query}`, undefined, who.headers)).body.data
    const setRole = (owner: StoryPerson, member: StoryPerson, role: string) =>
      story.api('PUT', `/api/v1/workspaces/${owner.workspace}/members/${member.id}/role`, { role }, owner.headers)

    it('come at once to who is connected, in the documented frame', async () => {
      const [owner, member] = [await registered(story, 'owner'), await registered(story, 'member')]
      const socket = await connect(member)
      await addMember(story, owner, member)
      const [frame] = await socket.take('notification', 1)
      expect(frame).toEqual({
        type: 'notification',
        notification: {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          title: expect.any(String),
          body: expect.any(String),
          action_url: `/api/v1/workspaces/${owner.workspace}/members`,
          kind: 'member_added',
          data: { workspace_id: owner.workspace, user_id: member.id, role: 'member', by: owner.id },
          workspace_id: owner.workspace,
          created_at: expect.stringMatching(/^\d{4}-.*Z$/),
        },
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      })
      await socket.close()
    })

    it('wait for who is away, in order, and go on live', async () => {
      const [owner, member] = [await registered(story, 'owner'), await registered(story, 'member')]
      await addMember(story, owner, member)
      await setRole(owner, member, 'admin')
      const socket = await connect(member)
      expect((await take(socket, 2)).map((note) => note.kind)).toEqual(['member_added', 'role_changed'])
      await setRole(owner, member, 'member')
      expect((await take(socket, 3)).map(({ data }) => data.role)).toEqual(['member', 'admin', 'member'])
      await socket.close()
    })

    it('are sent again until they are acknowledged or read, on every tab', async () => {
      const [owner, member] = [await registered(story, 'owner'), await registered(story, 'member')]
      const first = await connect(member)
      const second = await connect(member)
      await addMember(story, owner, member)
      await setRole(owner, member, 'admin')
      const [added, raised] = await take(first, 2)
      expect(await take(second, 2)).toEqual([added, raised])
      first.send({ type: 'ack', id: added!.id })
      expect(await first.until(({ type }) => type === 'ack_result')).toMatchObject({ ids: [added!.id] })
      await first.close()
      const third = await connect(member)
      expect(await take(third, 1)).toEqual([raised])
      third.send({ type: 'read', ids: [raised!.id, crypto.randomUUID(), 'nothing'] })
      expect(await third.until(({ type }) => type === 'read_result')).toMatchObject({ ids: [raised!.id] })
      await third.close()
      const fourth = await connect(member)
      await setRole(owner, member, 'member')
      expect((await take(fourth, 1)).map(({ data }) => data.role)).toEqual(['member'])
      const { unread_count, notifications } = await list(member)
      expect(unread_count).toBe(2)
      expect(notifications.map((one: { read_at: string | null }) => one.read_at !== null)).toEqual([false, true, false])
      for (const socket of [second, fourth]) await socket.close()
    })

    it('are listed, read and acknowledged over REST', async () => {
      const [owner, member] = [await registered(story, 'owner'), await registered(story, 'member')]
      const socket = await connect(member)
      await addMember(story, owner, member)
      for (const role of ['admin', 'member', 'admin']) await setRole(owner, member, role)
      await take(socket, 4)
      await socket.close()
      const first = await list(member, '?limit=3')
      expect(first).toMatchObject({ unread_count: 4, has_more: true })
      const last = first.notifications.at(-1)
      const rest = await list(member, `?limit=3&before=${last.id}`)
      expect(rest.notifications).toHaveLength(1)
      expect(rest.has_more).toBe(false)
      const act = (id: string, verb: string) =>
        story.api('POST', `/api/v1/notifications/${id}/${verb}`, undefined, member.headers)
      const read = await act(last.id, 'read')
      expect(read.body).toMatchObject({ status: 'success', data: { id: last.id, read_at: expect.any(String) } })
      const acked = await act(first.notifications[0].id, 'ack')
      expect(acked.body.data).toMatchObject({ read_at: null, acknowledged_at: expect.any(String) })
      const looked = await story.api('GET', `/api/v1/notifications/${last.id}`, undefined, member.headers)
      expect(looked.body.data).toEqual(read.body.data)
      expect(await list(member, '?unread=true&limit=1')).toMatchObject({ unread_count: 3, has_more: true })
      const all = await story.api('POST', '/api/v1/notifications/read-all', undefined, member.headers)
      expect(all.body.data).toEqual({ marked: 3 })
      expect(await list(member, '?unread=true')).toEqual({ notifications: [], unread_count: 0, has_more: false })
      for (const query of ['?limit=0', '?limit=x', '?unread=maybe', '?before='])
        expect((await story.api('GET', `/api/v1/notifications${query}`, undefined, member.headers)).status).toBe(422)
    })

    it('answer a ping, and tell what is wrong with a frame', async () => {
      const member = await registered(story, 'member')
      const socket = await connect(member)
      socket.send({ type: 'ping' })
      expect(await socket.until(({ type }) => type === 'pong')).toEqual({ type: 'pong', timestamp: expect.any(String) })
      const wrong: [object | string, string][] = [
        ['not json', 'frame'],
        ['[]', 'frame'],
        [{ type: 'chat' }, 'type'],
        [{ type: 'ack' }, 'id'],
        [{ type: 'ack', id: 7 }, 'id'],
        [{ type: 'read', ids: 'all' }, 'ids'],
        [{ type: 'read', ids: Array.from({ length: 101 }, () => 'x') }, 'ids'],
        [{ type: 'read', ids: ['a', {}] }, 'ids[1]'],
      ]
      for (const [frame] of wrong) socket.send(frame)
      const errors = await socket.take('error', wrong.length)
      expect(errors.map(({ field }) => field)).toEqual(wrong.map(([, field]) => field))
      expect(errors[0]).toMatchObject({ code: 'invalid_request', data: { code: 'invalid_request', field: 'frame' } })
      await socket.close()
    })

    it('count as connections, and close with 1001 when the server stops', async () => {
      const other = await startParley({ kind, upstreamUrl: story.upstream.url })
      const me = (await (await fetch(`${other.url}/api/v1/auth/me`, { headers: other.headers })).json()) as {
        data: { id: string }
      }
      const socket = await openLive(other, `/ws/notifications/${me.data.id}`, {
        authorization: other.headers.authorization!,
      })
      socket.send({ type: 'ping' })
      await socket.until(({ type }) => type === 'pong')
      const stats = (await (await fetch(`${other.url}/ws/stats`, { headers: other.headers })).json()) as object
      expect(stats).toMatchObject({ total_connections: 1, details: { users: { [me.data.id]: 1 } } })
      await other.close()
      expect((await socket.closed).code).toBe(1001)
    })
  })

describe('an upstream that goes down', () => {
  const clock = { ahead: 0 }
  const story = useStory('sqlite', { overrides: { now: () => Date.now() + clock.ahead } })
  const say = () =>
    story.api('POST', '/v1/chat/completions', { model: 'gpt-sim', messages: [{ role: 'user', content: 'Hi' }] })

  it('is told to the administrators of the server, and so is that it is back', async () => {
    const stranger = await registered(story, 'stranger')
    const login = await story.api(
      'POST',
      '/api/v1/auth/login',
      { email: ownerEmail, password: ownerPassword },
      { anonymous: 'yes' },
    )
    const { access_token: token, user } = login.body.data
    const socket = await openLive(story.parley, `/ws/notifications/${user.id}?token=${token}`)
    const other = await openLive(story.parley, `/ws/notifications/${stranger.id}?token=${stranger.token}`)
    story.upstream.respond({ strike: { kind: 'status', status: 401 } })
    expect((await say()).status).toBe(502)
    const down = await socket.until(({ type }) => type === 'notification')
    expect(down.notification).toMatchObject({ kind: 'upstream_down', data: { upstream: 'openai' }, workspace_id: null })
    clock.ahead += 61_000
    story.upstream.respond({ text: 'back' })
    expect((await say()).status).toBe(200)
    const [, back] = await socket.take('notification', 2)
    expect(back!.notification).toMatchObject({ kind: 'upstream_recovered' })
    // A key belongs to one workspace, and this concerns none.
    const listed = await story.api('GET', '/api/v1/notifications')
    expect(listed.body.data.notifications).toEqual([])
    expect(other.frames).toEqual([])
    for (const one of [socket, other]) await one.close()
  })
})
