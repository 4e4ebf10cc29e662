import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveFrame, type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { useStory } from '#test/support/story.ts'

const isType = (type: string) => (frame: LiveFrame) => frame.type === type

for (const kind of databaseKinds)
  describe(`the socket of a workspace on ${kind}`, () => {
    const story = useStory(kind)

    /** Connected when this resolves: the server has answered. */
    async function connect(who: StoryPerson, workspace: string): Promise<LiveSocket> {
      const socket = await openLive(story.parley, `/ws/workspaces/${workspace}?token=${who.token}`)
      await settled(socket)
      return socket
    }
    /** Everything the server had to say to this socket's frames so far has come. */
    async function settled(socket: LiveSocket): Promise<void> {
      const pongs = socket.frames.filter(isType('pong')).length
      socket.send({ type: 'ping' })
      await socket.take('pong', pongs + 1)
    }
    async function team() {
      const [ann, bob] = [await registered(story, 'ann'), await registered(story, 'bob')]
      // That he was added is told some time after; it must not be heard by sockets of the test itself.
      const witness = await connect(ann, ann.workspace)
      await addMember(story, ann, bob)
      await witness.until(isType('member_added'))
      await witness.close()
      return { ann, bob, ws: ann.workspace }
    }
    /** What this socket was told of its workspace so far: what another tab says last comes last. */
    async function overheard(socket: LiveSocket, who: StoryPerson, workspace: string): Promise<LiveFrame[]> {
      const tab = await connect(who, workspace)
      const last = crypto.randomUUID()
      tab.send({ type: 'document_updated', document_id: last })
      await socket.until(({ document_id }) => document_id === last)
      await tab.close()
      return words(socket).filter(({ document_id }) => document_id !== last)
    }
    const words = (socket: LiveSocket) => socket.frames.filter(({ type }) => type !== 'pong')

    it('tells the others who comes and who goes, a user with two tabs once', async () => {
      const { ann, bob, ws } = await team()
      const watcher = await connect(ann, ws)
      const [first, second] = [await connect(bob, ws), await connect(bob, ws)]
      const joined = await watcher.until(isType('user_joined'))
      expect(joined).toEqual({
        type: 'user_joined',
        user_id: bob.id,
        workspace_id: ws,
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      })
      const { body } = await story.api('GET', '/ws/stats')
      expect(body.details.sessions[`workspace_${ws}`]).toBe(3)
      expect(body.details.users[bob.id]).toBe(2)
      await first.close()
      await second.close()
      expect(await watcher.until(isType('user_left'))).toEqual({
        ...joined,
        type: 'user_left',
        timestamp: expect.any(String),
      })
      const again = await connect(bob, ws)
      await watcher.take('user_joined', 2)
      expect(words(watcher).map(({ type }) => type)).toEqual(['user_joined', 'user_left', 'user_joined'])
      // Of himself nobody is told.
      expect(words(first)).toEqual([])
      expect(words(again)).toEqual([])
      for (const socket of [watcher, again]) await socket.close()
    })

    it('passes on what members say, as theirs, to the others of this workspace only', async () => {
      const { ann, bob, ws } = await team()
      const stranger = await registered(story, 'stranger')
      const [hers, his, elsewhere] = [
        await connect(ann, ws),
        await connect(bob, ws),
        await connect(stranger, stranger.workspace),
      ]
      const tab = await connect(bob, ws)
      const alsoBobs = await connect(bob, bob.workspace)
      his.send({ type: 'document_updated', document_id: 'doc-1', action: 'edited' })
      his.send({ type: 'application_changed', application_id: 'app-1' })
      his.send({ type: 'member_added', user_id: stranger.id })
      his.send({ type: 'member_added', member_id: ann.id, user_id: stranger.id, action: 'invited' })
      const said = { user_id: bob.id, workspace_id: ws, source: 'client', timestamp: expect.any(String) }
      await hers.take('member_added', 2)
      expect(words(hers).filter(({ type }) => !type.startsWith('user_'))).toEqual([
        { type: 'document_updated', document_id: 'doc-1', action: 'edited', ...said },
        { type: 'application_changed', application_id: 'app-1', action: 'updated', ...said },
        { type: 'member_added', member_id: stranger.id, action: 'added', ...said },
        { type: 'member_added', member_id: ann.id, action: 'invited', ...said },
      ])
      await tab.take('member_added', 2)
      expect(await overheard(his, bob, ws)).toEqual([])
      expect(await overheard(elsewhere, stranger, stranger.workspace)).toEqual([])
      expect(await overheard(alsoBobs, bob, bob.workspace)).toEqual([])
      for (const socket of [hers, his, tab, elsewhere, alsoBobs]) await socket.close()
    })

    it('says who said it and when, whatever a frame claims', async () => {
      const { ann, bob, ws } = await team()
      const [hers, his] = [await connect(ann, ws), await connect(bob, ws)]
      his.send({
        type: 'document_updated',
        document_id: 'doc-1',
        user_id: ann.id,
        workspace_id: bob.workspace,
        timestamp: '1999-01-01T00:00:00Z',
        source: 'server',
        extra: { deep: 'thing' },
      })
      const frame = await hers.until(isType('document_updated'))
      expect(frame).toMatchObject({ user_id: bob.id, workspace_id: ws, source: 'client' })
      expect(String(frame.timestamp)).not.toContain('1999')
      expect(frame).not.toHaveProperty('extra')
      for (const socket of [hers, his]) await socket.close()
    })

    it('tells what was changed over REST', async () => {
      const { ann, bob, ws } = await team()
      const eve = await registered(story, 'eve')
      const socket = await connect(bob, ws)
      const api = (method: string, url: string, body?: object) => story.api(method, url, body, ann.headers)
      const made = await api('POST', '/api/v1/applications', { name: 'Helpdesk' })
      const app: string = made.body.data.id
      await api('PATCH', `/api/v1/applications/${app}`, { name: 'Helpdesk 2' })
      await api('POST', `/api/v1/applications/${app}/token/rotate`)
      await api('DELETE', `/api/v1/applications/${app}`)
      const said = { user_id: ann.id, workspace_id: ws, source: 'server', timestamp: expect.any(String) }
      expect(await socket.take('application_changed', 4)).toEqual(
        ['created', 'updated', 'token_rotated', 'deleted'].map((action) => ({
          type: 'application_changed',
          application_id: app,
          action,
          ...said,
        })),
      )
      await addMember(story, ann, eve)
      await api('PUT', `/api/v1/workspaces/${ws}/members/${eve.id}`, { role: 'admin' })
      await api('DELETE', `/api/v1/workspaces/${ws}/members/${eve.id}`)
      const about = { member_id: eve.id, ...said }
      expect(await socket.until(isType('member_removed'))).toEqual({
        type: 'member_removed',
        role: 'admin',
        action: 'removed',
        ...about,
      })
      expect(words(socket).slice(-3, -1)).toEqual([
        { type: 'member_added', role: 'member', action: 'added', ...about },
        { type: 'member_updated', role: 'admin', action: 'role_changed', ...about },
      ])
      expect(socket.texts.join('')).not.toContain('pat_')
      await socket.close()
    })

    it('closes at once for who is removed, who then hears nothing more', async () => {
      const { ann, bob, ws } = await team()
      const [hers, his, tab] = [await connect(ann, ws), await connect(bob, ws), await connect(bob, ws)]
      const removed = story.api('DELETE', `/api/v1/workspaces/${ws}/members/${bob.id}`, undefined, ann.headers)
      expect((await removed).status).toBe(200)
      // Said when the answer is there: from now on it is not for him.
      hers.send({ type: 'document_updated', document_id: 'secret plans' })
      for (const socket of [his, tab]) {
        expect(await socket.closed).toEqual({ code: 1008, reason: 'Workspace not found' })
        expect(words(socket).filter(({ type }) => type !== 'user_joined')).toEqual([])
      }
      expect(await hers.until(isType('user_left'))).toMatchObject({ user_id: bob.id })
      await hers.until(isType('member_removed'))
      expect(words(hers).filter(isType('user_left'))).toHaveLength(1)
      const back = await openLive(story.parley, `/ws/workspaces/${ws}?token=${bob.token}`)
      expect(await back.closed).toEqual({ code: 1008, reason: 'Workspace not found' })
      await hers.close()
    })

    it('closes for who logs out, and for a revoked key', async () => {
      const { ann, bob, ws } = await team()
      const key = await story.api('POST', '/api/v1/api-keys', { name: 'a key' }, ann.headers)
      const byKey = await openLive(story.parley, `/ws/workspaces/${ws}?api_key=${key.body.key as string}`)
      await settled(byKey)
      const his = await connect(bob, ws)
      await story.api('POST', '/api/v1/auth/logout', {}, bob.headers)
      expect(await his.closed).toEqual({ code: 1008, reason: 'Invalid token' })
      await story.api('DELETE', `/api/v1/api-keys/${key.body.id as string}`, undefined, ann.headers)
      expect(await byKey.closed).toEqual({ code: 1008, reason: 'Invalid token' })
    })

    it('tells what is wrong with a frame, and stays open', async () => {
      const { ann, bob, ws } = await team()
      const [hers, his] = [await connect(ann, ws), await connect(bob, ws)]
      const wrong: [object | string, string][] = [
        ['{', 'frame'],
        ['null', 'frame'],
        [{ type: 'user_joined', user_id: ann.id }, 'type'],
        [{ type: 'document_updated' }, 'document_id'],
        [{ type: 'document_updated', document_id: 'a'.repeat(256) }, 'document_id'],
        [{ type: 'document_updated', document_id: 'a\0b' }, 'document_id'],
        [{ type: 'document_updated', document_id: 'a', action: 7 }, 'action'],
        [{ type: 'application_changed', application_id: ['a'] }, 'application_id'],
        [{ type: 'member_added' }, 'user_id'],
      ]
      for (const [frame] of wrong) his.send(frame)
      expect((await his.take('error', wrong.length)).map(({ field }) => field)).toEqual(wrong.map(([, field]) => field))
      his.send({ type: 'document_updated', document_id: 'the end' })
      await hers.until(({ document_id }) => document_id === 'the end')
      expect(words(hers).map(({ type }) => type)).toEqual(['user_joined', 'document_updated'])
      for (const socket of [hers, his]) await socket.close()
    })
  })
