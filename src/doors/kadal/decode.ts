import type { ConversationSettings, Part, Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { HistoryFilter, PageAsk } from '#features/history/index.ts'
import type { KadalDoorDeps } from './deps.ts'
import { choiceField, type Fields, fieldsOf, flagField, requiredUuid, textField, wholeField } from './fields.ts'
import type { Metadata, StreamBody } from './metadata.ts'

const most = { id: 100, text: 500, page: 100 }
const defaultPage = 10

/** Which bot, and which of the caller's dealings with it. */
export interface AboutBot {
  botId: string
  objectId?: string
  externalUserId?: string
}

function aboutBot(fields: Fields): AboutBot {
  const objectId = textField(fields, 'object_id', most.id)
  const externalUserId = textField(fields, 'ext_ref_user_id', most.id)
  return {
    botId: requiredUuid(fields, 'chat_bot_id'),
    ...(objectId !== undefined && { objectId }),
    ...(externalUserId !== undefined && { externalUserId }),
  }
}

interface Said {
  query: unknown
  body: unknown
  params?: unknown
}

/** clearhistory. */
export function decodeAbout({ query, body }: Said): AboutBot {
  return aboutBot(fieldsOf(query, body))
}

/** History and its download: what of it, and which page. */
export function decodeHistory({ query, body }: Said): { botId: string; filter: HistoryFilter; page: PageAsk } {
  const fields = fieldsOf(query, body)
  const { botId, ...about } = aboutBot(fields)
  const text = textField(fields, 'text', most.text)
  const createdBy = textField(fields, 'created_by', most.id)
  return {
    botId,
    filter: {
      ...about,
      ...(text !== undefined && { text }),
      ...(createdBy !== undefined && { createdBy }),
      withoutToolEvents: flagField(fields, 'exclude_tool_verbose'),
    },
    page: {
      number: wholeField(fields, 'page_no', 1) ?? 1,
      // More at once would be held in memory as a whole; `has_continuations` says that there is more.
      size: Math.min(wholeField(fields, 'page_size', 1) ?? defaultPage, most.page),
      order: choiceField(fields, 'order', ['asc', 'desc']) ?? 'desc',
    },
  }
}

/** What is asked of a bot. */
export interface StreamAsk extends AboutBot {
  isStreamed: boolean
  continueLast: boolean
  message: string
  metadata: Metadata
  isToolCalling: boolean
}

export function decodeStream(said: { query: unknown; params: { chat_bot_id: string }; body: StreamBody }): StreamAsk {
  const fields = fieldsOf(said.query, said.params)
  const { message, is_tool_calling, metadata } = said.body
  const meant: Metadata = metadata ?? {}
  // What switches something may say so in its own words only.
  const words = message === '' && 'message' in meant ? (meant.message ?? '') : message
  const isFile = meant.category === 'event' && meant.type === 'file'
  if (words === '' && !isFile) throw invalid('message', "'message' field must not be empty")
  return {
    ...aboutBot(fields),
    isStreamed: flagField(fields, 'stream'),
    continueLast: flagField(fields, 'continue_last_chat'),
    message: words,
    metadata: meant,
    isToolCalling: is_tool_calling === true,
  }
}

/** The parts that the message has: its text, and the files named with it. Throws for a file that is not there. */
export async function partsOf(
  { files }: Pick<KadalDoorDeps, 'files'>,
  principal: Principal,
  { message, metadata }: StreamAsk,
): Promise<Part[]> {
  const parts: Part[] = message === '' ? [] : [{ type: 'text', text: message }]
  if (metadata.category !== 'event' || metadata.type !== 'file') return parts
  for (const [index, file] of metadata.files.entries()) {
    const at = `metadata.files[${index}]`
    if (file.input_type === 'GDrive' || file.source_category === 'GDrive')
      throw new AppError(
        'unsupported',
        `The file '${file.file_name}' is in Google Drive, which is not connected here`,
        {
          details: { field: at },
        },
      )
    if (file.object_id === undefined || file.object_id === null || file.object_id === '')
      throw invalid(`${at}.object_id`, `The file '${file.file_name}' must be named by its object_id`)
    const found = await files.find(principal, file.object_id)
    if (!found)
      throw invalid(`${at}.object_id`, `The file '${file.file_name}' (object_id ${file.object_id}) was not found`)
    parts.push({ type: 'file', name: found.name, mediaType: found.mediaType, fileId: found.id })
  }
  return parts
}

/** What an event makes of the conversation's settings; undefined: nothing. Throws for a model that nobody offers. */
export function settingsOf(
  { upstreams }: Pick<KadalDoorDeps, 'upstreams'>,
  { metadata }: StreamAsk,
): ConversationSettings | undefined {
  if (metadata.category !== 'event') return undefined
  if (metadata.type === 'tool') {
    const { web_search, content_lake } = metadata.tool_config
    const tools = [web_search ? ['web_search'] : [], content_lake ? ['content_lake'] : []].flat()
    return { tools }
  }
  if (metadata.type !== 'verbose') return undefined
  const { modelId, modelVersion } = metadata
  const versions = modelVersion ? ['-', ':', '@'].map((joint) => `${modelId}${joint}${modelVersion}`) : []
  const model = [...versions, modelId].find((name) => upstreams.findModel(name) !== undefined)
  if (model === undefined)
    throw invalid('metadata.modelId', `The model '${modelId}' (metadata.modelId) does not exist here`)
  return { model }
}

/** What is kept of it with the turn: for the history, and whoever looks at the turn. Nothing that the wire does not name. */
export function notesOf({ metadata, isToolCalling }: StreamAsk): Record<string, unknown> | undefined {
  if (metadata.category !== 'event') return isToolCalling ? { category: 'chat', is_tool_calling: true } : undefined
  return {
    category: 'event',
    type: metadata.type,
    ...eventNotes(metadata),
    ...(isToolCalling && { is_tool_calling: true }),
  }
}

function eventNotes(metadata: Extract<Metadata, { category: 'event' }>): Record<string, unknown> {
  switch (metadata.type) {
    case 'file':
      return {
        files: metadata.files.map(({ file_name, file_type, object_id, folder_id, source_category, input_type }) => ({
          file_name,
          file_type,
          object_id,
          folder_id,
          source_category,
          input_type,
        })),
      }
    case 'tool': {
      const { web_search = false, content_lake = false } = metadata.tool_config
      return { message: metadata.message, tool_config: { web_search, content_lake } }
    }
    case 'verbose':
      return { message: metadata.message, modelId: metadata.modelId, modelVersion: metadata.modelVersion }
  }
}
