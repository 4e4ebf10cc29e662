import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type ChatDoor, chatDoors, writingNothing } from './doors.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

/** Text that databases, JSON and sockets like to lose. */
const strange: [string, string][] = [
  ['NUL', 'a\0b'],
  ['half a character', 'a\ud83db'],
  ['the other half', '\udc00'],
  ['halves in the wrong order', '\udc00\ud800'],
  ['a non-character', '\uffff\ufffe'],
  ['control characters', '\x01\x07\x1b[31m\x7f\u0085'],
  ['line separators', 'a\u2028b\u2029c\r\nd\rdata: x\n\n'],
  ['right-to-left overrides', '\u202eabc\u2066'],
  ['a long grapheme', `e${'\u0301'.repeat(1000)}`],
  ['emoji', '👨‍👩‍👧‍👦🏳️‍🌈'],
  ['an escape that is none', '\\u0000 \\ud800 %00 &#0;'],
  ['SQL', `'; drop table turns; -- " \` $1 ? :p`],
  ['a template', '{{constructor.constructor("return 1")()}} $(id) <%= 1 %>'],
  ['markup', '<script>alert(1)</script>]]><!--'],
]

for (const kind of databaseKinds)
  describe(`strange text on ${kind}`, () => {
    let world: World
    let alice: Person
    let hers: Belongings
    let doors: ChatDoor[]

    beforeAll(async () => {
      world = await makeWorld(kind)
      alice = await world.person('alice')
      hers = await world.belongings(alice, 'alice-alone')
      doors = chatDoors(alice, hers.app)
    })
    afterAll(() => world?.close())

    it.each(strange)('%s in a message reaches the model, the history and the reader unchanged', async (_, text) => {
      for (const [index, door] of doors.entries()) {
        const headers = {
          ...door.headers,
          'x-session-id': `${index} ${Buffer.from(text).toString('hex').slice(0, 60)}`,
        }
        const messages = [{ role: 'user', content: text, name: text }]
        const said = await world.ask('POST', door.url, {
          headers,
          body: { ...door.valid, messages, metadata: { [text]: text } },
        })
        expect(said.status, `${door.name} ${said.text}`).toBe(200)
        // What is no text cannot be sent on as UTF-8; everything else is as it was.
        const told = JSON.stringify(world.upstream.requests.at(-1)!.body)
        expect(told).toContain(JSON.stringify(text.toWellFormed()).slice(1, -1))

        const turn = await world.must('GET', `/api/v1/turns/${said.headers.get('x-turn-id')}`, {
          headers: door.headers,
        })
        expect(turn.json.data.metadata).toEqual({ [text]: text })
        const session = turn.json.data.conversation_id
        const history = await world.must('GET', `/api/v1/chat/sessions/${session}/messages`, { headers: door.headers })
        expect(history.json.data[0].content).toBe(text)
        expect(history.json.data.at(-1).content).toBe(turn.json.data.text)
        const sessions = await world.must('GET', `/api/v1/chat/sessions/${session}`, { headers: door.headers })
        expect(sessions.json.data.title.isWellFormed()).toBe(true)
      }
    })

    // The first half of a character at the very end waits for the second, which never comes.
    it.each(strange.filter(([, text]) => !/[\ud800-\udbff]$/.test(text)))(
      '%s in an answer is streamed and kept unchanged',
      async (_, text) => {
        for (const door of doors) {
          const frame = JSON.stringify({ choices: [{ index: 0, delta: { content: text }, finish_reason: 'stop' }] })
          const reply = { headers: { 'content-type': 'text/event-stream' }, body: `data: ${frame}\n\ndata: [DONE]\n\n` }
          world.upstream.script({ raw: reply })
          const said = await world.ask('POST', door.url, {
            headers: door.headers,
            body: { ...door.valid, stream: true },
          })
          const content = said.text
            .split('\n')
            .filter((line) => line.startsWith('data: {'))
            .map((line) => JSON.parse(line.slice(6)).choices?.[0]?.delta.content ?? '')
            .join('')
          expect(content, door.name).toBe(text)
          const turn = await world.must('GET', `/api/v1/turns/${said.headers.get('x-turn-id')}`, {
            headers: door.headers,
          })
          expect(turn.json.data.text, door.name).toBe(text)
        }
      },
    )

    it.each(strange)('%s in a socket frame', async (_, text) => {
      const socket = await world.socket(`/ws/chat/s?token=${alice.jwt}`)
      socket.send({ type: 'chat', content: `x${text}`, application_id: hers.app })
      await socket.next('response_end')
      expect(world.upstream.requests.at(-1)!.lastUserText).toBe(`x${text.toWellFormed()}`)
      socket.close()
      await socket.closed
    })

    it.each(strange)('%s in a name is kept as it is or refused', async (_, text) => {
      const headers = bearer(alice.jwt)
      const app = `/api/v1/applications/${hers.app}`
      const asks: [string, 'POST' | 'PATCH', string, object, string][] = [
        ['application', 'PATCH', app, { name: text }, 'name'],
        ['description', 'PATCH', app, { description: text }, 'description'],
        ['prompt', 'PATCH', app, { system_prompt: text }, 'system_prompt'],
        ['stop', 'PATCH', app, { stop: [text] }, 'stop'],
        ['questions', 'PATCH', app, { suggested_questions: [text] }, 'suggested_questions'],
        ['title', 'POST', '/api/v1/chat/sessions', { application_id: hers.app, title: text }, 'title'],
        ['key', 'POST', '/api/v1/api-keys', { name: text }, 'name'],
        ['key description', 'POST', '/api/v1/api-keys', { name: 'x', description: text }, 'description'],
        ['workspace', 'POST', '/api/v1/workspaces', { name: text }, 'name'],
        ['person', 'PATCH', '/api/v1/auth/me', { full_name: text }, 'full_name'],
      ]
      for (const [name, method, url, body, field] of asks) {
        const before = await world.counts()
        const answer = await world.ask(method, url, { headers, body })
        expect([200, 201, 422], `${name}: ${answer.status} ${answer.text}`).toContain(answer.status)
        if (answer.status === 422) {
          expect(answer.json.message, name).toContain(field)
          expect(await world.counts()).toEqual(before)
          continue
        }
        const kept = (answer.json.data ?? answer.json)[field]
        // Titles are a line of at most 120 characters; names are trimmed.
        if (field !== 'title') expect([text, text.trim()], name).toContain([kept].flat()[0])
      }
      await world.must('PATCH', app, { headers, body: { stop: null, system_prompt: null } })
    })

    it.each(strange)('%s in emails, passwords, scopes, ids and queries', async (_, text) => {
      const headers = bearer(alice.jwt)
      const query = encodeURIComponent(text.toWellFormed())
      await writingNothing(world, async () => {
        for (const answer of [
          await world.ask('POST', '/api/v1/auth/login', { body: { email: text, password: text } }),
          await world.ask('POST', '/api/v1/auth/login', { body: { email: alice.email, password: text } }),
          await world.ask('POST', '/api/v1/auth/register', { body: { email: text, password: 'long enough' } }),
          await world.ask('POST', '/api/v1/auth/refresh', { body: { refresh_token: text } }),
          await world.ask('POST', '/api/v1/api-keys', { headers, body: { name: 'x', scopes: [text] } }),
          await world.ask('POST', '/api/v1/api-keys', { headers, body: { name: 'x', workspace_id: text } }),
          await world.ask('POST', '/api/v1/applications', { headers, body: { name: 'x', slug: text } }),
          await world.ask('POST', '/api/v1/chat/sessions', { headers, body: { application_id: text } }),
          await world.ask('POST', '/api/v1/chat/completions', { headers, body: { session_id: text, message: 'x' } }),
          await world.ask('POST', `/api/v1/workspaces/${alice.workspace}/members`, {
            headers,
            body: { user_id: text },
          }),
          await world.ask('POST', `/api/v1/workspaces/${alice.workspace}/members`, { headers, body: { email: text } }),
          await world.ask('POST', '/v1/chat/completions', { headers, body: { ...doors[0]!.valid, model: text } }),
          await world.ask('GET', `/v1/models/${query}`, { headers }),
          await world.ask('GET', `/api/v1/turns/${query}`, { headers }),
          await world.ask('GET', `/api/v1/applications/${query}`, { headers }),
          await world.ask('GET', `/api/v1/applications?type=${query}`, { headers }),
          await world.ask('GET', `/api/v1/api-keys?workspace_id=${query}`, { headers }),
          await world.ask('GET', `/api/v1/chat/sessions?status=${query}`, { headers }),
          await world.ask('GET', `/api/v1/usage?start_date=${query}`, { headers }),
          await world.ask('GET', '/api/v1/auth/me', { headers: { ...headers, 'x-workspace-id': query.slice(0, 100) } }),
        ]) {
          expect(answer.status, answer.text).toBeGreaterThanOrEqual(400)
          expect(answer.status, answer.text).toBeLessThan(500)
        }
        const messages = await world.ask('GET', `/api/v1/chat/${hers.app}/messages?session_id=${query}`, { headers })
        expect(messages.json.data).toEqual([])
      })
    })
  })
