import { once } from 'node:events'
import { encode } from '@msgpack/msgpack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { encodings, type NodeToolFrame, openNodeTool } from '#test/support/nodetool-client.ts'
import { until } from '#test/support/until.ts'
import { writingNothing } from './doors.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

const closing = { type: 'chunk', done: true }
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

for (const kind of databaseKinds)
  describe(`NodeTool's socket on ${kind}`, () => {
    let world: World
    let alice: Person
    let bob: Person
    let hers: Belongings
    /** A key of Alice's for another workspace of hers. */
    let elsewhere: string
    /** The server's clock, for what it allows by the second. */
    let now = Date.now()

    beforeAll(async () => {
      world = await makeWorld(kind, {}, { now: () => now })
      alice = await world.person('alice')
      bob = await world.person('bob')
      hers = await world.belongings(alice, 'alice-alone')
      const headers = bearer(alice.jwt)
      const second = await world.must('POST', '/api/v1/workspaces', { headers, body: { name: 'Second' } })
      const body = { name: 'for the second', workspace_id: second.json.data.id }
      elsewhere = (await world.must('POST', '/api/v1/api-keys', { headers, body })).json.key
    })
    afterAll(() => world?.close())

    const openAs = (token: string, encoding: (typeof encodings)[number] = 'text') =>
      openNodeTool(world.parley, { encoding, headers: bearer(token) })
    const strangers: [string, () => string][] = [
      ['another person', () => bob.jwt],
      ['another person’s key', () => bob.key],
      ['the same person in another workspace', () => elsewhere],
    ]

    describe.each(strangers)('for %s', (_, token) => {
      const job = (command: string, more: object = {}) => ({ command, data: { job_id: hers.running, ...more } })
      it.each<[string, () => object, NodeToolFrame]>([
        ['resume a running turn', () => ({ type: 'resume', turn_id: hers.running }), { code: 'not-found' }],
        ['resume an ended turn', () => ({ type: 'resume', turn_id: hers.turn, after: 3 }), { code: 'not-found' }],
        ['stop a turn', () => ({ type: 'stop', turn_id: hers.running }), { code: 'not-found' }],
        ['steer a turn', () => ({ type: 'steer', turn_id: hers.running, content: 'more' }), { code: 'not-found' }],
        [
          'give a tool’s result',
          () => ({ type: 'tool_result', turn_id: hers.running, tool_call_id: 'c', result: 'r' }),
          { code: 'not-found' },
        ],
        ['talk to a workflow', () => ({ role: 'user', content: 'hi', workflow_id: hers.app }), { code: 'not-found' }],
        ['talk to it by slug', () => ({ role: 'user', content: 'hi', workflow_id: hers.slug }), { code: 'not-found' }],
        ['run a job', () => ({ command: 'run_job', data: { workflow_id: hers.app } }), { code: 'not-found' }],
        ['reconnect to a job', () => job('reconnect_job'), { error: 'Job not found or already completed' }],
        ['resume a job', () => job('resume_job'), { error: 'Job not found or already completed' }],
        ['cancel a job', () => job('cancel_job'), { error: 'Job not found or already completed' }],
        ['cancel an ended job', () => job('cancel_job', { job_id: hers.turn }), { error: noSuchJob }],
        ['ask after a job', () => job('get_status'), { status: 'not_found' }],
        ['ask after an ended job', () => job('get_status', { job_id: hers.turn }), { status: 'not_found' }],
        ['ask after all jobs', () => ({ command: 'get_status' }), {}],
        ['stop a job', () => job('stop'), { code: 'not-found' }],
        ['stream into a job', () => job('stream_input', { input: 'x' }), { error: 'No active job/context' }],
      ])('cannot %s of a workspace', async (_name, frame, answer) => {
        const before = await world.rowsOf(hers.workspace)
        const client = await openAs(token())
        client.send(frame())
        await client.settled()
        expect(client.frames[0]).toMatchObject(answer)
        const told = JSON.stringify(client.frames)
        for (const word of hers.words) expect(told).not.toContain(word)
        expect(await world.rowsOf(hers.workspace)).toEqual(before)
        await client.close()
      })

      it('begins a thread of its own when it names one of theirs, by message and by command', async () => {
        const before = await world.rowsOf(hers.workspace)
        const client = await openAs(token())
        for (const thread_id of [hers.session, hers.sessionName]) {
          expect((await client.ask({ content: 'one', thread_id })).content).toBe('You said: one')
          const from = client.frames.length
          client.send({ command: 'chat_message', data: { role: 'user', content: 'two', thread_id } })
          await client.until({ type: 'message', content: 'You said: two' }, from)
          const asked = JSON.stringify(world.upstream.requests.at(-1)!.body)
          expect(asked).toContain('You said: one')
          for (const word of hers.words) expect(asked).not.toContain(word)
        }
        // It follows its own thread, not the one of that name.
        const seen = client.frames.length
        await world.must('POST', '/api/v1/chat/completions', {
          headers: bearer(alice.jwt),
          body: { session_id: hers.session, message: 'again' },
        })
        await client.settled()
        expect(client.frames.slice(seen).map(({ type }) => type)).toEqual(['pong'])
        // The thread goes by the name that was given to it.
        const heard = JSON.stringify(client.frames.map(({ thread_id: _, ...frame }) => frame))
        for (const word of hers.words) expect(heard).not.toContain(word)
        const after = await world.rowsOf(hers.workspace)
        expect(after.conversations!.length).toBe(before.conversations!.length)
        await client.close()
      })
    })

    describe.each(encodings)('in %s', (encoding) => {
      it.each<[string, string | undefined, object]>([
        ['without type', undefined, { content: 'x' }],
        ['of type __proto__', 'type', { type: '__proto__' }],
        ['of type 1', 'type', { type: 1 }],
        ['a message from the assistant', 'role', { role: 'assistant', content: 'x' }],
        ['a message with an object as content', 'content.type', { role: 'user', content: {} }],
        ['a thread 7', 'thread_id', { role: 'user', content: 'x', thread_id: 7 }],
        ['a thread of 256 characters', 'thread_id', { role: 'user', content: 'x', thread_id: 'x'.repeat(256) }],
        ['a thread with NUL', 'thread_id', { role: 'user', content: 'x', thread_id: 'a\0b' }],
        ['a workflow that is an array', 'workflow_id', { role: 'user', content: 'x', workflow_id: [] }],
        ['a model with NUL', 'model', { role: 'user', content: 'x', model: '\0' }],
        ['tools by number', 'tools[0]', { role: 'user', content: 'x', tools: [1] }],
        ['a file to be read from disk', 'content[0].document.uri', fileMessage('file:///etc/passwd')],
        ['resume after -1', 'after', { type: 'resume', turn_id: 'x', after: -1 }],
        ['resume after a million years', 'after', { type: 'resume', turn_id: 'x', after: 1e300 }],
        ['a tool without name', 'tools[0].name', { type: 'client_tools_manifest', tools: [{}] }],
        ['a result without call', 'tool_call_id', { type: 'tool_result', result: 1 }],
      ])('refuses a frame %s', async (_, field, frame) => {
        now += 10_000
        await writingNothing(world, async () => {
          const client = await openAs(alice.jwt, encoding)
          client.send(frame)
          await client.settled()
          const told = client.frames[0]!
          if (field === undefined) expect(told.error).toBe('invalid_message')
          else expect(told).toMatchObject({ type: 'error', field, status_code: 400 })
          await client.close()
        })
      })

      it('knows no turn, thread or job by a strange name', async () => {
        const client = await openAs(alice.jwt, encoding)
        for (const id of ['x', "' or 1=1 --", '../..', '%00', 'x'.repeat(255)]) {
          now += 10_000
          const from = client.frames.length
          client.send({ type: 'resume', turn_id: id })
          client.send({ command: 'get_status', data: { job_id: id } })
          client.send({ type: 'stop', thread_id: id })
          await client.settled()
          expect(client.frames.slice(from)).toMatchObject([
            { type: 'error', code: 'not-found' },
            { status: 'not_found', job_id: id },
            { type: 'generation_stopped', thread_id: id },
            { type: 'pong' },
          ])
        }
        await client.close()
      })
    })

    it('reads frames of both kinds one after the other, broken ones between them', async () => {
      now += 10_000
      const client = await openAs(alice.jwt)
      const frames: (string | Uint8Array)[] = [
        '{"type":"ping"}',
        encode({ type: 'ping' }),
        '\0',
        Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff),
        `{"type":${deep(10_000)}}`,
        Buffer.alloc(10_000, 0x91),
        encode({ type: 'ping', at: new Date() }),
        '{"type":"ping"}',
      ]
      for (const frame of frames) client.socket.send(frame)
      await client.until(() => client.frames.length === frames.length)
      const errors = ['error', 'error', 'error', 'error', 'error']
      expect(client.types()).toEqual(['pong', 'pong', ...errors, 'pong'])
      expect(client.encodings).toEqual(frames.map((frame) => (typeof frame === 'string' ? 'text' : 'binary')))
      await client.close()
    })

    it('outlives a frame that claims four billion entries a thousand times over', async () => {
      const client = await openAs(alice.jwt)
      const rss = process.memoryUsage().rss
      for (let n = 0; n < 1_000; n++) {
        if (n % 40 === 0) now += 10_000
        client.socket.send(Buffer.of(0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff))
        client.socket.send(Buffer.alloc(900, 0xdc))
        if (n % 40 === 39) {
          client.socket.ping()
          await once(client.socket, 'pong')
        }
      }
      now += 10_000
      await client.settled()
      expect(process.memoryUsage().rss - rss).toBeLessThan(100 * 1024 * 1024)
      await client.close()
    })

    it('drops most of a flood of messages, and writes nothing of those it cannot start', async () => {
      now += 10_000
      const client = await openAs(alice.jwt)
      await writingNothing(world, async () => {
        for (let n = 0; n < 1_000; n++) client.send({ role: 'user', content: 'x', workflow_id: 'nowhere' })
        // Its pings are dropped like the rest, until there is room again.
        await until(async () => {
          now += 10_000
          client.send({ type: 'ping' })
          client.socket.ping()
          await once(client.socket, 'pong')
          return client.types().includes('pong')
        })
      })
      const codes = client.frames.filter(({ type }) => type === 'error').map(({ code }) => code)
      expect(new Set(codes)).toEqual(
        new Set(['not-found', ...(codes.includes('rate-limited') ? ['rate-limited'] : [])]),
      )
      await client.close()
    })

    it('hears a message of somebody who has been let in only', async () => {
      for (const path of ['/chat', '/chat?token=x', `/chat?api_key=pat_${'x'.repeat(43)}`, '/chat?token=%00']) {
        await writingNothing(world, async () => {
          const client = await openNodeTool(world.parley, { headers: {}, path })
          if (client.socket.readyState === client.socket.OPEN) client.send({ role: 'user', content: 'early' })
          const reason = path === '/chat' ? 'Missing authentication' : 'Invalid authentication'
          expect(await client.closed, path).toEqual({ code: 1008, reason })
          expect(client.frames, path).toEqual([])
        })
      }
    })

    it('counts messages against the limits of who sends them', async () => {
      const limited = await makeWorld(kind, { env: { PARLEY_LIMITS: 'on' } }, { now: () => now })
      const carol = await limited.person('carol')
      const client = await openNodeTool(limited.parley, { headers: bearer(carol.jwt) })
      for (let n = 0; n < 6; n++) {
        const from = client.frames.length
        client.send({ role: 'user', content: `${n}`, thread_id: 'busy' })
        await client.until(closing, from)
      }
      const errors = client.frames.filter(({ type }) => type === 'error')
      expect(errors).toMatchObject([
        { code: 'rate-limited', status_code: 429, error_type: 'http_status_error', retry_after: expect.any(Number) },
      ])
      await client.close()
      await limited.close()
    })
  })

const noSuchJob = 'Job not found or already completed'
const fileMessage = (uri: string) => ({ role: 'user', content: [{ type: 'document', document: { uri } }] })
