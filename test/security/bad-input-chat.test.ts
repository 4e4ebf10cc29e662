import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type ChatDoor, chatDoors, type Refusal, writingNothing } from './doors.ts'
import { type Belongings, bearer, makeWorld, type Person, type World } from './world.ts'

const user = (content: unknown, more: object = {}) => ({ messages: [{ role: 'user', content, ...more }] })
const tool = (given: unknown) => ({ tools: [given] })
const part = (given: unknown) => user([given])

/** [what is wrong, what replaces fields of a valid body, the field that the refusal names, its status] */
const wrong: [string, Record<string, unknown>, string, number?][] = [
  ['messages missing', { messages: undefined }, 'messages', 400],
  ['messages null', { messages: null }, 'messages'],
  ['messages a string', { messages: 'hello' }, 'messages'],
  ['messages an object', { messages: { role: 'user', content: 'hello' } }, 'messages'],
  ['no message', { messages: [] }, 'messages'],
  ['too many messages', { messages: Array(4097).fill({ role: 'user', content: 'x' }) }, 'messages'],
  ['a message that is null', { messages: [null] }, 'messages[0]'],
  ['a message that is a string', { messages: ['hello'] }, 'messages[0]'],
  ['a message that is an array', { messages: [[]] }, 'messages[0]'],
  ['no role', { messages: [{ content: 'hello' }] }, 'messages[0].role', 400],
  ['unknown role', { messages: [{ role: 'root', content: 'hello' }] }, 'messages[0].role'],
  ['role a number', { messages: [{ role: 1, content: 'hello' }] }, 'messages[0].role'],
  ['role __proto__', { messages: [{ role: '__proto__', content: 'hello' }] }, 'messages[0].role'],
  ['second message bad', { messages: [{ role: 'user', content: 'x' }, { role: 'user' }] }, 'messages[1].content'],
  ['no content', { messages: [{ role: 'user' }] }, 'messages[0].content'],
  ['content null', user(null), 'messages[0].content'],
  ['content a number', user(7), 'messages[0].content'],
  ['content true', user(true), 'messages[0].content'],
  ['content an object', user({ text: 'hello' }), 'messages[0].content'],
  ['name a number', user('x', { name: 1 }), 'messages[0].name'],
  ['a part that is null', part(null), 'messages[0].content[0]'],
  ['a part that is a string', part('hello'), 'messages[0].content[0]'],
  ['a part without type', part({ text: 'x' }), 'messages[0].content[0].type'],
  ['an unknown part', part({ type: 'constructor' }), 'messages[0].content[0].type'],
  ['a text part without text', part({ type: 'text' }), 'messages[0].content[0].text'],
  ['text a number', part({ type: 'text', text: 1 }), 'messages[0].content[0].text'],
  ['1,025 parts', user(Array(1025).fill({ type: 'text', text: 'x' })), 'messages[0].content'],
  ['image_url missing', part({ type: 'image_url' }), 'messages[0].content[0].image_url'],
  ...['javascript:alert(1)', 'file:///etc/passwd', 'ftp://x/y', 'gopher://x', '', 'x', '//host/x', 'vbscript:x'].map(
    (url): [string, Record<string, unknown>, string] => [
      `image_url "${url}"`,
      part({ type: 'image_url', image_url: { url } }),
      'messages[0].content[0].image_url.url',
    ],
  ),
  ['image_url a number', part({ type: 'image_url', image_url: { url: 1 } }), 'messages[0].content[0].image_url.url'],
  [
    'an unknown image detail',
    part({ type: 'image_url', image_url: { url: 'https://example.org/a.png', detail: 'huge' } }),
    'messages[0].content[0].image_url.detail',
  ],
  ['audio missing', part({ type: 'input_audio' }), 'messages[0].content[0].input_audio'],
  [
    'audio that is no base64',
    part({ type: 'input_audio', input_audio: { data: '<>', format: 'wav' } }),
    'messages[0].content[0].input_audio.data',
  ],
  ['file missing', part({ type: 'file' }), 'messages[0].content[0].file'],
  ['file without data', part({ type: 'file', file: {} }), 'messages[0].content[0].file.file_data'],
  [
    'a file by its id',
    part({ type: 'file', file: { file_id: 'file-abc' } }),
    'messages[0].content[0].file.file_id',
    400,
  ],
  ['attachments a string', user('x', { attachments: 'a.pdf' }), 'messages[0].attachments'],
  ['attachment without name', user('x', { attachments: [{}] }), 'messages[0].attachments[0].filename'],
  ['assistant says nothing', { messages: [{ role: 'assistant' }] }, 'messages[0]'],
  ['tool without id', { messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id'],
  [
    'an image in a tool message',
    {
      messages: [{ role: 'tool', tool_call_id: 'c', content: [{ type: 'image_url', image_url: 'https://a.example' }] }],
    },
    'messages[0].content[0].type',
  ],
  ['function without name', { messages: [{ role: 'function', content: 'x' }] }, 'messages[0].name'],
  ['tool_calls a string', { messages: [{ role: 'assistant', tool_calls: 'x' }] }, 'messages[0].tool_calls'],
  [
    'a tool call without function',
    { messages: [{ role: 'assistant', tool_calls: [{}] }] },
    'messages[0].tool_calls[0].function',
  ],

  ['model a number', { model: 7 }, 'model'],
  ['model of 257 characters', { model: 'm'.repeat(257) }, 'model'],
  ['stream "true"', { stream: 'true' }, 'stream'],
  ['stream 1', { stream: 1 }, 'stream'],
  ['stream_options a string', { stream_options: 'x' }, 'stream_options'],
  ['temperature 3', { temperature: 3 }, 'temperature'],
  ['temperature -0.1', { temperature: -0.1 }, 'temperature'],
  ['temperature "1"', { temperature: '1' }, 'temperature'],
  ['temperature []', { temperature: [] }, 'temperature'],
  ['top_p 1.1', { top_p: 1.1 }, 'top_p'],
  ['top_k -1', { top_k: -1 }, 'top_k'],
  ['top_k 1.5', { top_k: 1.5 }, 'top_k'],
  ['max_tokens 0', { max_tokens: 0 }, 'max_tokens'],
  ['max_tokens -1', { max_tokens: -1 }, 'max_tokens'],
  ['max_tokens 1.5', { max_tokens: 1.5 }, 'max_tokens'],
  ['max_tokens 1e15', { max_tokens: 1e15 }, 'max_tokens'],
  ['max_tokens "10"', { max_tokens: '10' }, 'max_tokens'],
  ['max_completion_tokens -1', { max_completion_tokens: -1 }, 'max_completion_tokens'],
  ['n 0', { n: 0 }, 'n'],
  ['n 1e9', { n: 1e9 }, 'n'],
  ['n 2', { n: 2 }, 'n', 400],
  ['stop a number', { stop: 1 }, 'stop'],
  ['stop 17 words', { stop: Array(17).fill('x') }, 'stop'],
  ['stop with a number', { stop: ['x', 1] }, 'stop[1]'],
  ['presence_penalty 9', { presence_penalty: 9 }, 'presence_penalty'],
  ['frequency_penalty -9', { frequency_penalty: -9 }, 'frequency_penalty'],
  ['seed 1.5', { seed: 1.5 }, 'seed'],
  ['seed "x"', { seed: 'x' }, 'seed'],
  ['reasoning_effort "extreme"', { reasoning_effort: 'extreme' }, 'reasoning_effort'],
  ['tools an object', { tools: {} }, 'tools'],
  ['a tool without type', tool({}), 'tools[0].type', 400],
  ['a tool of unknown type', tool({ type: 'exec' }), 'tools[0].type', 400],
  ['a tool without function', tool({ type: 'function' }), 'tools[0].function'],
  ['a function without name', tool({ type: 'function', function: {} }), 'tools[0].function.name', 400],
  ['a name without letters', tool({ type: 'function', function: { name: '' } }), 'tools[0].function.name'],
  ['513 tools', { tools: Array(513).fill({ type: 'function', function: { name: 'f' } }) }, 'tools'],
  ['tool_choice 1', { tool_choice: 1 }, 'tool_choice'],
  ['tool_choice "maybe"', { tool_choice: 'maybe' }, 'tool_choice'],
  ['tool_choice {}', { tool_choice: {} }, 'tool_choice', 400],
  ['tool_choice "required" without tools', { tool_choice: 'required' }, 'tool_choice'],
  [
    'functions and tools',
    { functions: [{ name: 'f' }], ...tool({ type: 'function', function: { name: 'f' } }) },
    'functions',
  ],
  ['functions a string', { functions: 'x' }, 'functions'],
  ['function_call "maybe"', { function_call: 'maybe' }, 'function_call'],
  ['response_format a string', { response_format: 'json' }, 'response_format'],
  ['response_format of unknown type', { response_format: { type: 'xml' } }, 'response_format.type', 400],
  ['json_schema missing', { response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  ['metadata a string', { metadata: 'x' }, 'metadata'],
  ['metadata an array', { metadata: [] }, 'metadata'],
  ['store "yes"', { store: 'yes' }, 'store'],
]

/** Bodies as bytes: [what is wrong, the bytes, the field, the status, the content type]. */
const hello = '{"model":"gpt-sim","messages":[{"role":"user","content":"hello"}]'
const rawBodies: [string, string, string, number, string?][] = [
  ['no JSON', 'hello', 'body', 400],
  ['half of it', hello, 'body', 400],
  ['empty', '', 'body', 400],
  ['a number', '7', 'body', 400],
  ['null', 'null', 'body', 400],
  ['an array', '[]', 'body', 400],
  ['a string', '"hello"', 'body', 400],
  ['NaN', `${hello},"temperature":NaN}`, 'body', 400],
  ['Infinity', `${hello},"temperature":Infinity}`, 'body', 400],
  ['1e999', `${hello},"temperature":1e999}`, 'temperature', 422],
  ['-1e999', `${hello},"max_tokens":-1e999}`, 'max_tokens', 422],
  ['seed 1e999', `${hello},"seed":1e999}`, 'seed', 422],
  ['repetition_penalty 1e999', `${hello},"repetition_penalty":1e999}`, 'repetition_penalty', 422],
  ['a comment', `${hello}/**/}`, 'body', 400],
  ['two values', `${hello}}{}`, 'body', 400],
  ['a key __proto__', `${hello},"__proto__":{"stream":true}}`, 'body', 400],
  ['a nested __proto__', `${hello},"metadata":{"__proto__":{"a":1}}}`, 'body', 400],
  ['constructor.prototype', `${hello},"constructor":{"prototype":{"stream":true}}}`, 'body', 400],
  ['a form', 'model=gpt-sim', 'content-type', 400, 'application/x-www-form-urlencoded'],
  ['plain text', `${hello}}`, 'content-type', 400, 'text/plain'],
  ['no type at all', `${hello}}`, 'content-type', 400, ''],
  ['XML', '<a/>', 'content-type', 400, 'application/xml'],
  ['a tab in the type', `${hello}}`, 'content-type', 400, 'application/json\ta'],
  ['a type that goes on', `${hello}}`, 'content-type', 400, 'application/jsonp'],
]

for (const kind of databaseKinds)
  describe(`bad chat completions on ${kind}`, () => {
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

    const refusals = async (name: string, refusal: Refusal, send: (door: ChatDoor) => ReturnType<World['ask']>) => {
      for (const door of doors) {
        const answer = await writingNothing(world, () => send(door))
        door.expectRefusal(answer, refusal, `${door.name} ${name}`)
      }
    }

    it.each(wrong)('%s', (name, change, field, status = 422) =>
      refusals(name, { status, field }, ({ url, headers, valid }) =>
        world.ask('POST', url, { headers, body: { ...valid, ...change } }),
      ),
    )

    it.each(rawBodies)('a body that is %s', (name, raw, field, status, type = 'application/json') =>
      refusals(name, { status, field }, ({ url, headers }) =>
        world.ask('POST', url, { headers: { ...headers, 'content-type': type }, raw: new TextEncoder().encode(raw) }),
      ),
    )

    it.each([
      ['__proto__', '"metadata":{"__proto__":"x"}'],
      ['constructor.prototype', '"metadata":{"constructor":{"prototype":{}}}'],
    ])('a key %s is named, as JSON that it is', async (key, member) => {
      for (const { name, url, headers } of doors) {
        const raw = new TextEncoder().encode(`${hello},${member}}`)
        const answer = await world.ask('POST', url, {
          headers: { ...headers, 'content-type': 'application/json' },
          raw,
        })
        expect(answer.text, name).toContain(key)
        expect(answer.text, name).not.toContain('not valid JSON')
      }
    })

    it.each([
      ['/aiwb/auth/api/v2/login', 'message'],
      ['/auth/api/v1/oauth/connect/token', 'error_description'],
      ['/aiwb/chat/api/v7/', 'message'],
      ['/api/v1/auth/login', 'message'],
    ])('a forbidden key is told by %s in its own shape', async (url, field) => {
      const headers = { ...bearer(alice.key), 'content-type': 'application/json' }
      const answer = await world.ask('POST', url, { headers, raw: new TextEncoder().encode('{"__proto__":{}}') })
      expect(answer.status, answer.text).toBe(400)
      expect(answer.json[field], answer.text).toContain('__proto__')
    })

    it('the same in UTF-8 under another charset is read, or refused', async () => {
      for (const { url, headers, valid } of doors)
        for (const charset of ['utf-16', 'latin1', 'utf-8; charset=utf-7', '"utf-8"']) {
          const type = `application/json; charset=${charset}`
          const answer = await world.ask('POST', url, { headers: { ...headers, 'content-type': type }, body: valid })
          expect([200, 400], `${charset}: ${answer.text}`).toContain(answer.status)
        }
    })

    it.each([
      ['arrays', '['.repeat(10_000) + ']'.repeat(10_000)],
      ['objects', '{"a":'.repeat(10_000) + 1 + '}'.repeat(10_000)],
    ])('JSON that is 10,000 %s deep', async (_, deep) => {
      for (const { url, headers, name } of doors)
        for (const field of ['metadata', 'x', 'model', 'logit_bias', 'tools']) {
          const raw = `${hello},"${field}":${deep}}`
          const before = await world.counts()
          const answer = await world.ask('POST', url, {
            headers: { ...headers, 'content-type': 'application/json' },
            raw,
          })
          expect(answer.status, `${name} ${field} ${answer.text.slice(0, 200)}`).toBeLessThan(500)
          if (answer.status >= 400) expect(await world.counts()).toEqual(before)
        }
    })

    it.each([
      ['brackets', '['.repeat(4_000_000) + ']'.repeat(4_000_000), 'nested too deeply'],
      ['empty objects', `[${'{},'.repeat(3_000_000)}1]`, 'more than 200000 values'],
    ])('millions of %s are refused before they are read', async (_, many, words) => {
      await refusals(words, { status: 422, field: 'body' }, async ({ url, headers }) => {
        const raw = `${hello},"metadata":${many}}`
        const answer = await world.ask('POST', url, {
          headers: { ...headers, 'content-type': 'application/json' },
          raw,
        })
        expect(answer.text).toContain(words)
        return answer
      })
    })

    it('from a stranger is not read further than a login is long, and with an unknown token or to nowhere not at all', async () => {
      const headers = { 'content-type': 'application/json' }
      for (const path of [
        '/api/v1/auth/login',
        '/api/v1/auth/register',
        '/api/v1/auth/refresh',
        '/aiwb/auth/api/v2/login',
        '/auth/api/v1/oauth/connect/token',
      ]) {
        const answer = await world.ask('POST', path, { headers, raw: `{"a":"${'x'.repeat(17 * 1024)}"}` })
        expect(answer.status, `${path} ${answer.text}`).toBe(413)
      }
      // Neither of these is JSON.
      for (const path of ['/api/v1/chat/pat_nobody-has-this-token/chat/completions', '/v1/nowhere', '/nowhere'])
        expect((await world.ask('POST', path, { headers, raw: '{"messages":' })).status, path).toBe(404)
    })

    it('a body over the limit is 413, and the server goes on', async () => {
      const content = 'x'.repeat(20 * 1024 * 1024)
      await refusals('too large', { status: 413, field: 'body' }, ({ url, headers, valid }) =>
        world.ask('POST', url, { headers, body: { ...valid, ...user(content) } }),
      )
      for (const { url, headers, valid } of doors)
        expect((await world.ask('POST', url, { headers, body: valid })).status).toBe(200)
    })

    it('of duplicate keys the last one counts', async () => {
      for (const { url, headers } of doors) {
        const raw = `${hello},"stream":true,"stream":false,"messages":[{"role":"user","content":"last"}]}`
        const answer = await world.ask('POST', url, {
          headers: { ...headers, 'content-type': 'application/json' },
          raw,
        })
        expect(answer.json.choices[0].message.content).toBe('You said: last')
      }
    })

    it.each([
      ['idempotency-key', 256],
      ['idempotency-key', 10_000],
      ['idempotency-key', 0],
      ['x-session-id', 256],
      ['x-session-id', 0],
    ])('%s of %s characters', async (name, length) => {
      const value = 'k'.repeat(length)
      for (const door of doors) {
        const answer = await writingNothing(world, () =>
          world.ask('POST', door.url, { headers: { ...door.headers, [name]: value }, body: door.valid }),
        )
        door.expectRefusal(answer, { status: 422, field: name }, `${door.name} ${name}`)
      }
    })

    it('a session may be called anything that fits a header', async () => {
      for (const door of doors)
        for (const value of [
          "'; drop table turns; --",
          '%00',
          '../../etc/passwd',
          '\u00e4\u00ff',
          '$(id)',
          '{{7*7}}',
          '%',
          '_',
        ]) {
          const headers = { ...door.headers, 'x-session-id': value }
          const first = await world.ask('POST', door.url, { headers, body: door.valid })
          expect(first.status, `${value}: ${first.text}`).toBe(200)
          const again = await world.ask('POST', door.url, { headers, body: { ...door.valid, ...user('again') } })
          expect(again.status).toBe(200)
          expect(JSON.stringify(world.upstream.requests.at(-1)!.body)).toContain('hello')
        }
    })

    describe('applications', () => {
      const ask = (id: string) =>
        writingNothing(world, () =>
          world.ask('POST', `/api/v1/chat/${id}/chat/completions`, { headers: bearer(alice.key), body: user('hello') }),
        )
      it.each([
        ['no UUID', 'app-of-alice-alone', 400],
        ['half a UUID', '01a1fdf2-9220', 400],
        ['NUL', '%00', 400],
        ['an escaped path', '..%2f..%2fetc%2fpasswd', 400],
        ['400 characters', 'x'.repeat(400), 400],
        ['600 characters', 'x'.repeat(600), 404],
        ['an unknown UUID', '01a1fdf2-9220-7000-8000-000000000000', 404],
        ['an unknown token', `pat_${'x'.repeat(43)}`, 404],
      ])('an id that is %s', async (_, id, status) => {
        const answer = await ask(id)
        expect(`${answer.status} ${answer.text}`).toMatch(new RegExp(`^${status} {"data":null,"status":"error"`))
      })

      it.each(['workflow', 'channel'])('of type %s cannot be run', async (type) => {
        const made = await world.must('POST', '/api/v1/applications', {
          headers: bearer(alice.key),
          body: { name: `a ${type}`, slug: `a-${type}`, type },
        })
        const answer = await ask(made.json.data.id)
        expect(answer.status, answer.text).toBe(400)
        const openai = await writingNothing(world, () =>
          world.ask('POST', '/v1/chat/completions', {
            headers: bearer(alice.key),
            body: { model: `app/a-${type}`, ...user('hello') },
          }),
        )
        expect(openai.status).toBe(400)
        expect(openai.json.error.code).toBe('unsupported')
      })

      it('that are disabled are refused, also through their token', async () => {
        const made = await world.must('POST', '/api/v1/applications', {
          headers: bearer(alice.key),
          body: { name: 'off', slug: 'off', model: 'gpt-sim' },
        })
        const { id, access_token: token } = made.json.data
        expect(
          (await world.must('POST', `/api/v1/chat/${token}/chat/completions`, { body: user('hello') })).status,
        ).toBe(200)
        await world.must('PATCH', `/api/v1/applications/${id}`, {
          headers: bearer(alice.key),
          body: { enabled: false },
        })
        for (const name of [id, token]) expect((await ask(name)).status).toBe(403)
      })
    })
  })
