import { expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import { decodeHistory, decodeStream, notesOf, partsOf, settingsOf } from './decode.ts'
import { fieldsOf } from './fields.ts'
import type { Metadata } from './metadata.ts'

const bot = crypto.randomUUID()
const principal = {} as Principal
const ask = (body: { message?: string; is_tool_calling?: boolean; metadata?: Metadata }, query: object = {}) =>
  decodeStream({ query, params: { chat_bot_id: bot }, body: { message: 'Hi', ...body } })

it('fields of the body win, and what is null, empty or written out as nothing is not there', () => {
  expect(fieldsOf({ a: '1', b: 'null', c: 'None', d: '', e: '2' }, { a: 3, e: null, f: '' })).toEqual({ a: 3, e: '2' })
  expect(fieldsOf(undefined, null)).toEqual({})
})

it('a history has its defaults, flags in any case, and a page of at most a hundred', () => {
  expect(decodeHistory({ query: { chat_bot_id: bot.toUpperCase() }, body: undefined })).toEqual({
    botId: bot,
    filter: { withoutToolEvents: false },
    page: { number: 1, size: 10, order: 'desc' },
  })
  const { filter, page } = decodeHistory({
    query: { chat_bot_id: bot, exclude_tool_verbose: 'True', page_no: '7', page_size: '1000', order: 'asc' },
    body: { object_id: 17, ext_ref_user_id: 'u', created_by: 'c', text: '🙂'.repeat(500) },
  })
  expect(filter).toMatchObject({ withoutToolEvents: true, objectId: '17', externalUserId: 'u', createdBy: 'c' })
  expect(page).toEqual({ number: 7, size: 100, order: 'asc' })
})

it('a question has its defaults too', () => {
  expect(ask({})).toEqual({
    botId: bot,
    isStreamed: false,
    continueLast: false,
    message: 'Hi',
    metadata: {},
    isToolCalling: false,
  })
  const query = { stream: '1', continue_last_chat: 'True', object_id: 'o', ext_ref_user_id: 'u' }
  expect(ask({ is_tool_calling: true }, query)).toMatchObject({
    isStreamed: true,
    continueLast: true,
    objectId: 'o',
    externalUserId: 'u',
    isToolCalling: true,
  })
})

it('files that are there become parts, by what is known of them', async () => {
  const metadata: Metadata = {
    category: 'event',
    type: 'file',
    files: [
      {
        file_name: 'as sent.pdf',
        file_type: 'pdf',
        object_id: 'o-1',
        source_category: 'Guideline',
        input_type: 'Repository',
      },
    ],
  }
  const asked: string[] = []
  const files = {
    find: async (_: Principal, objectId: string) => {
      asked.push(objectId)
      return { id: `file of ${objectId}`, name: 'offer.pdf', mediaType: 'application/pdf' }
    },
  }
  expect(await partsOf({ files }, principal, ask({ metadata }))).toEqual([
    { type: 'text', text: 'Hi' },
    { type: 'file', name: 'offer.pdf', mediaType: 'application/pdf', fileId: 'file of o-1' },
  ])
  expect(asked).toEqual(['o-1'])
  // A file alone says enough.
  expect(await partsOf({ files }, principal, ask({ message: '', metadata }))).toHaveLength(1)
  expect(notesOf(ask({ metadata }))).toEqual(metadata)
})

it('a model is switched to what the upstreams call its version, else to itself', () => {
  const offered = new Set(['gpt-4o', 'gpt-4o-2024-08-06', 'llama3:8b'])
  const upstreams = { findModel: (name: string) => (offered.has(name) ? ({ id: name } as never) : undefined) }
  const to = (modelId: string, modelVersion?: string | null) =>
    settingsOf(
      { upstreams },
      ask({
        metadata: { category: 'event', type: 'verbose', modelId, ...(modelVersion !== undefined && { modelVersion }) },
      }),
    )
  expect(to('gpt-4o', '2024-08-06')).toEqual({ model: 'gpt-4o-2024-08-06' })
  expect(to('llama3', '8b')).toEqual({ model: 'llama3:8b' })
  for (const version of ['latest', '', null, undefined]) expect(to('gpt-4o', version)).toEqual({ model: 'gpt-4o' })
  expect(() => to('gpt-9', '1')).toThrow('gpt-9')
  expect(settingsOf({ upstreams }, ask({}))).toBeUndefined()
})

it('tools are set to those that are named, all others are off', () => {
  const upstreams = { findModel: () => undefined }
  const tools = (tool_config: object) =>
    settingsOf({ upstreams }, ask({ metadata: { category: 'event', type: 'tool', tool_config } }))
  expect(tools({ web_search: true, content_lake: true })).toEqual({ tools: ['web_search', 'content_lake'] })
  expect(tools({ content_lake: true })).toEqual({ tools: ['content_lake'] })
  expect(tools({})).toEqual({ tools: [] })
})

it('a chat leaves no notes, but that tools were called for', () => {
  expect(notesOf(ask({ metadata: { category: 'chat' } }))).toBeUndefined()
  expect(notesOf(ask({ is_tool_calling: true }))).toEqual({ category: 'chat', is_tool_calling: true })
})
