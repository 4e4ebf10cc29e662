import { beforeAll, describe, expect, it } from 'vitest'
import type { Executions } from '#features/executions/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { type LiveFrame, type LiveSocket, openLive } from '#test/support/live-socket.ts'
import { useStory } from '#test/support/story.ts'

const dayMs = 86_400_000

for (const kind of databaseKinds)
  describe(`watching a run of a plugin on ${kind}`, () => {
    const clock = { ahead: 0 }
    const story = useStory(kind, { overrides: { now: () => Date.now() + clock.ahead } })
    let runs: Executions
    let place: { workspaceId: number; userId: number }
    beforeAll(async () => {
      runs = story.parley.parley.executions
      const { read } = story.parley.parley.database
      const row = await read
        .selectFrom('memberships')
        .select(['workspace_id', 'user_id'])
        .orderBy('user_id')
        .executeTakeFirstOrThrow()
      place = { workspaceId: row.workspace_id, userId: row.user_id }
    })

    const start = () => runs.start({ ...place, pluginId: 'weather', toolName: 'forecast' })
    const log = (id: string, message: string) => runs.append(id, { type: 'log', data: { level: 'info', message } })
    // Nobody has to say who he is: no token, no header.
    const watch = (id: string, query = '') => openLive(story.parley, `/api/v1/ws/plugin/debug/${id}${query}`)
    const said = (socket: LiveSocket) =>
      socket.frames.map(({ type, data }) => [type, (data as { message?: string }).message])

    it('shows what was told, then what comes, then the end, and closes', async () => {
      const id = await start()
      await runs.append(id, { type: 'trace', data: { event: 'begin', step: 1 } })
      const socket = await watch(id)
      expect(await socket.until(({ type }) => type === 'execution_info')).toEqual({
        type: 'execution_info',
        data: {
          execution_id: id,
          plugin_id: 'weather',
          tool_name: 'forecast',
          status: 'running',
          created_at: expect.any(String),
          expires_at: expect.any(String),
        },
        timestamp: expect.any(String),
      })
      await socket.until(({ type }) => type === 'trace')
      await runs.append(id, { type: 'api_call', data: { api_type: 'llm', duration: 0.2, success: true } })
      await runs.append(id, { type: 'variable', data: { name: 'city', value: 'Seoul' } })
      await runs.finish(id, { result: { degrees: 21 } })
      expect(await socket.closed).toEqual({ code: 1000, reason: 'completed' })
      expect(socket.frames.map(({ type, seq }) => [type, seq])).toEqual([
        ['execution_info', undefined],
        ['trace', 1],
        ['api_call', 2],
        ['variable', 3],
        ['execution_complete', undefined],
      ])
      expect(socket.frames.at(-1)!.data).toMatchObject({
        result: { degrees: 21 },
        status: 'completed',
        frames_dropped: 0,
      })
    })

    it('shows a run that is over in the same way', async () => {
      const id = await start()
      for (let n = 0; n < 120; n++) await log(id, `${n}`)
      await runs.finish(id, { error: 'No network' })
      const socket = await watch(id)
      expect(await socket.closed).toEqual({ code: 1000, reason: 'failed' })
      expect(said(socket).slice(1, -1)).toEqual(Array.from({ length: 120 }, (_, n) => ['log', `${n}`]))
      expect(socket.frames[0]).toMatchObject({ type: 'execution_info', data: { status: 'failed' } })
      expect(socket.frames.at(-1)).toMatchObject({ type: 'execution_error', data: { error: 'No network' } })
    })

    it('has no gap and no repeat while a run goes on, for any number of watchers', async () => {
      const id = await start()
      const arriving: Promise<LiveSocket>[] = []
      for (let n = 0; n < 60; n++) {
        // Some arrive between two frames, some while frames are written.
        if (n % 15 === 7 || n % 15 === 9) arriving.push(watch(id))
        if (n % 15 === 7) await arriving.at(-1)
        await log(id, `${n}`)
      }
      await runs.finish(id, { result: null })
      for (const socket of await Promise.all([...arriving, watch(id)])) {
        await socket.closed
        expect(said(socket).slice(1, -1)).toEqual(Array.from({ length: 60 }, (_, n) => ['log', `${n}`]))
      }
    })

    it('goes on after the frame a client has seen', async () => {
      const id = await start()
      for (const message of ['a', 'b', 'c']) await log(id, message)
      const first = await watch(id)
      const [, seen] = await first.take('log', 2)
      await first.close()
      const second = await watch(id, `?after=${seen!.seq}`)
      await log(id, 'd')
      await runs.finish(id, { result: 1 })
      await second.closed
      expect(said(second).slice(1, -1)).toEqual([
        ['log', 'c'],
        ['log', 'd'],
      ])
      for (const after of ['-1', 'x', '1.5'])
        expect(await (await watch(id, `?after=${after}`)).closed).toMatchObject({ code: 1008 })
    })

    it('answers the bare text ping with the bare text pong', async () => {
      const id = await start()
      const socket = await watch(id)
      socket.send('ping')
      await socket.untilText('pong')
      socket.send({ type: 'chat' })
      expect(await socket.until(({ type }) => type === 'error')).toMatchObject({
        data: { message: expect.any(String) },
      })
      await socket.close()
    })

    it('closes with 1008 for an id that there is not, or no more', async () => {
      const closing = async (id: string) => (await (await watch(id)).closed) as unknown
      const refusal = { code: 1008, reason: 'Execution not found' }
      const real = await start()
      const changed = `${real.slice(0, -1)}${real.endsWith('A') ? 'B' : 'A'}`
      for (const id of ['x', `exe_${'A'.repeat(32)}`, changed, crypto.randomUUID(), "exe_'or''='", '1'])
        expect(await closing(id)).toEqual(refusal)
      await runs.finish(real, { result: 1 })
      expect(await closing(real)).toMatchObject({ code: 1000 })
      clock.ahead += dayMs
      expect(await closing(real)).toEqual(refusal)
    })

    it('tells the id over REST to who may see the run', async () => {
      const id = await start()
      await log(id, 'one')
      const one = await story.api('GET', `/api/v1/plugin/executions/${id}`)
      expect(one.body.data).toMatchObject({
        id,
        plugin_id: 'weather',
        tool_name: 'forecast',
        status: 'running',
        frames: 1,
        result: null,
        error: null,
        ended_at: null,
      })
      const list = await story.api('GET', '/api/v1/plugin/executions?limit=1')
      expect(list.body.data).toMatchObject({ executions: [{ id }], has_more: expect.any(Boolean) })
      expect((await story.api('GET', '/api/v1/plugin/executions/x')).status).toBe(404)
      expect((await story.api('GET', '/api/v1/plugin/executions?before=x')).status).toBe(422)
      // Being connected shows nobody which run it is.
      const socket = await watch(id)
      await socket.until(({ type }: LiveFrame) => type === 'log')
      const stats = await story.api('GET', '/ws/stats')
      expect(stats.body.total_connections).toBeGreaterThan(0)
      expect(JSON.stringify(stats.body)).not.toContain(id)
      await socket.close()
    })
  })
