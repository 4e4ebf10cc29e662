import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { writingNothing } from './doors.ts'
import { bearer, makeWorld, type Person, type World } from './world.ts'

const base = '/aiwb/chat/api'
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

for (const kind of databaseKinds)
  describe(`what no client of Kadal’s should send, on ${kind}`, () => {
    let world: World
    let alice: Person
    let app: string
    beforeAll(async () => {
      world = await makeWorld(kind)
      alice = await world.person('alice')
      const made = await world.must('POST', '/api/v1/applications', {
        headers: bearer(alice.jwt),
        body: { name: 'Bot', model: 'gpt-sim' },
      })
      app = made.json.data.id
      await world.must('POST', `${base}/v7/${app}/stream`, { headers: bearer(alice.jwt), body: { message: 'said' } })
    })
    afterAll(() => world?.close())

    const ask = (url: string, given: { body?: unknown; raw?: string; headers?: Record<string, string> } = {}) =>
      world.ask('POST', base + url, { ...given, headers: { ...bearer(alice.jwt), ...given.headers } })

    /** Expects the documented refusal, with the field named, and that nothing was written or asked. */
    async function refused(field: string, url: string, given: Parameters<typeof ask>[1] = {}, status = 400) {
      const about = `${url} ${JSON.stringify(given).slice(0, 200)}`
      const answer = await writingNothing(world, () => ask(url, given))
      expect(`${answer.status} ${answer.text}`, about).toMatch(new RegExp(`^${status} `))
      expect(Object.keys(answer.json).sort(), about).toEqual(['error', 'message', 'status_code'])
      expect(answer.json, about).toMatchObject({ status_code: status })
      if (status === 400) expect(answer.json.error, about).toBe('VALIDATION_ERROR')
      expect(answer.json.message.toLowerCase(), about).toContain(field.toLowerCase())
    }

    const filters: [string, unknown][] = [
      ['chat_bot_id', 'no-uuid'],
      ['chat_bot_id', "' or 1=1 --"],
      ['page_no', '0'],
      ['page_no', '-1'],
      ['page_no', '1.5'],
      ['page_no', 'one'],
      ['page_no', '1e3'],
      ['page_no', '9'.repeat(400)],
      ['page_size', '0'],
      ['page_size', 'NaN'],
      ['order', 'newest'],
      ['order', 'desc; drop table turns'],
      ['exclude_tool_verbose', 'perhaps'],
      ['text', 'x'.repeat(501)],
      ['text', 'nul \0 in it'],
      ['object_id', 'x'.repeat(101)],
      ['ext_ref_user_id', 'x'.repeat(101)],
      ['created_by', 'x'.repeat(101)],
    ]
    it('as filters of a history, in the query', async () => {
      for (const [name, value] of filters)
        for (const path of ['/v7/', '/v7/download/'])
          await refused(name, `${path}?${new URLSearchParams({ chat_bot_id: app, [name]: String(value) })}`)
      await refused('chat_bot_id', '/v7/')
      await refused('page_no', `/v7/?chat_bot_id=${app}&page_no=1&page_no=2`)
    })

    it('as filters of a history, in the body', async () => {
      const bodies: [string, unknown][] = [
        ...filters,
        ['chat_bot_id', 7],
        ['chat_bot_id', { $ne: null }],
        ['page_no', 0],
        ['page_no', 1.5],
        ['page_no', [1]],
        ['page_no', true],
        ['page_size', -5],
        ['text', { $regex: '.*' }],
        ['text', ['a']],
        ['created_by', { $gt: '' }],
        ['exclude_tool_verbose', 1],
        ['text', '\ud83d'],
      ]
      for (const [name, value] of bodies) await refused(name, `/v7/?chat_bot_id=${app}`, { body: { [name]: value } })
      for (const body of [[], 'text', 7]) await refused('object', `/v7/?chat_bot_id=${app}`, { body })
      await refused('json', `/v7/?chat_bot_id=${app}`, {
        raw: '{"text": ',
        headers: { 'content-type': 'application/json' },
      })
      await refused('json', `/v7/?chat_bot_id=${app}`, { raw: 'text=x', headers: { 'content-type': 'text/plain' } })
    })

    it('finds nothing by what databases would take for their own, and hurts nothing', async () => {
      for (const text of ["'; drop table turns; --", '%%%%', '____', 'said" OR "1', '__proto__', '\\', 'said\u0001']) {
        const answer = await ask(`/v7/?chat_bot_id=${app}`, { body: { text, object_id: null } })
        expect([200, 404], `${text} ${answer.text}`).toContain(answer.status)
        if (!text.startsWith('said\u0001')) expect(answer.json.total_count, text).toBe(0)
      }
      for (const name of ['object_id', 'ext_ref_user_id', 'created_by']) {
        const answer = await ask(`/v7/?chat_bot_id=${app}`, { body: { [name]: "' or '1'='1" } })
        expect(answer.json.total_count).toBe(0)
      }
      expect((await ask(`/v7/?chat_bot_id=${app}`)).json.total_count).toBe(1)
    })

    it('as a question to a bot', async () => {
      const url = `/v7/${app}/stream`
      const event = (metadata: object) => ({ body: { message: 'x', metadata: { category: 'event', ...metadata } } })
      const file = {
        file_name: 'a',
        file_type: 'pdf',
        object_id: 'o',
        source_category: 'InputFile',
        input_type: 'Computer',
      }
      const cases: [string, Parameters<typeof ask>[1]][] = [
        ['message', { body: {} }],
        ['message', { body: { message: '' } }],
        ['message', { body: { message: 7 } }],
        ['message', { body: { message: null } }],
        ['is_tool_calling', { body: { message: 'x', is_tool_calling: 'true' } }],
        ['metadata', { body: { message: 'x', metadata: 'chat' } }],
        ['metadata', { body: { message: 'x', metadata: { category: 'other' } } }],
        ['metadata', event({ type: 'other' })],
        ['metadata', event({ type: 'file', files: [] })],
        ['metadata', event({ type: 'file', files: Array(51).fill(file) })],
        ['metadata', event({ type: 'file', files: [{ ...file, source_category: 'Elsewhere' }] })],
        ['metadata', event({ type: 'file', files: [{ ...file, file_name: 'x'.repeat(501) }] })],
        ['metadata', event({ type: 'tool' })],
        ['metadata', event({ type: 'tool', tool_config: { web_search: 'yes' } })],
        ['metadata', event({ type: 'verbose' })],
        ['metadata', event({ type: 'verbose', modelId: '' })],
        ['metadata', event({ type: 'verbose', modelId: 'builtin/none' })],
        [
          'metadata',
          { raw: `{"message":"x","metadata":${deep(10_000)}}`, headers: { 'content-type': 'application/json' } },
        ],
        ['body', { body: [] }],
        ['json', { raw: '{', headers: { 'content-type': 'application/json' } }],
        ['object_id', event({ type: 'file', files: [{ ...file, object_id: '../../etc/passwd' }] })],
        ['object_id', event({ type: 'file', files: [{ ...file, object_id: "' or 1=1" }] })],
      ]
      for (const [field, given] of cases) await refused(field, url, given)
      for (const query of ['stream=maybe', 'continue_last_chat=2', `object_id=${'x'.repeat(101)}`, 'object_id=%00'])
        await refused(query.split('=')[0]!, `${url}?${query}`, { body: { message: 'x' } })
      await refused('chat_bot_id', '/v7/no-uuid/stream', { body: { message: 'x' } })
      await refused('idempotency-key', url, { body: { message: 'x' }, headers: { 'idempotency-key': 'x'.repeat(256) } })
    })

    it('to clear a history', async () => {
      await refused('chat_bot_id', '/v7/clearhistory')
      await refused('chat_bot_id', '/v7/clearhistory?chat_bot_id=x')
      await refused('object_id', `/v7/clearhistory?chat_bot_id=${app}&object_id=${'x'.repeat(101)}`)
      await refused('ext_ref_user_id', `/v7/clearhistory?chat_bot_id=${app}`, { body: { ext_ref_user_id: {} } })
    })

    it('without a credential, with one that is not enough, and where there is no endpoint', async () => {
      for (const url of [`/v7/${app}/stream`, '/v7/', '/v7/download/', '/v7/clearhistory', '/v3/feedbacks']) {
        const answer = await world.ask('POST', base + url, { body: { message: 'x' } })
        expect(answer.status).toBe(401)
        expect(answer.json).toMatchObject({
          status_code: 401,
          error: 'AUTHENTICATION_ERROR',
          message: expect.any(String),
        })
      }
      const missing = await ask('/v8/', {})
      expect(missing.json).toMatchObject({ status_code: 404, error: 'NOT_FOUND_ERROR' })
      const disabled = await world.must('POST', '/api/v1/applications', {
        headers: bearer(alice.jwt),
        body: { name: 'Off', model: 'gpt-sim', enabled: false },
      })
      await refused('disabled', `/v7/${disabled.json.data.id}/stream`, { body: { message: 'x' } }, 403)
    })

    it('keeps an event’s own fields, and nothing that was put beside them', async () => {
      const planted = {
        category: 'event',
        type: 'verbose',
        modelId: 'gpt-sim',
        constructor: { a: 1 },
        role: 'owner',
        x: 'y',
      }
      const said = await ask(`/v7/${app}/stream`, { body: { message: 'x', metadata: planted } })
      expect(said.status).toBe(200)
      const turn = await world.must('GET', `/api/v1/turns/${said.json.query_response_id}`, {
        headers: bearer(alice.jwt),
      })
      expect(turn.json.data.metadata).toEqual({ category: 'event', type: 'verbose', modelId: 'gpt-sim' })
    })
  })
