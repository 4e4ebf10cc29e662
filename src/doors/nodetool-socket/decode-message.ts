import type { Part } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { audioPart, documentPart, imagePart, inputFilePart } from './assets.ts'
import type { Fields } from './codec.ts'
import { isFields, listAt, objectAt, optionalId } from './fields.ts'

/** What somebody says on /chat. */
export interface ChatMessage {
  parts: Part[]
  name?: string
  threadId?: string
  workflowId?: string
  model?: string
  provider?: string
  /** Names of tools that the model shall have. */
  tools: string[]
  /** Under which names a workflow takes the message and the history before it. */
  inputNames: { message: string; messages: string }
  idempotencyKey?: string
  /** What the client calls this message; told again with the answer's first frame. */
  requestId?: string
  /** The message as it came. */
  given: Fields
}

const mostParts = 256
const mostFiles = 16
const mostTools = 128

/** A NodeTool Message (CONTRACTS §2.4) → what it asks. Throws `invalid-request` or `unsupported`, naming the field. */
export function decodeMessage(given: Fields): ChatMessage {
  if (given.role !== 'user') throw invalid('role', 'role must be "user": what others say the server knows itself')
  refuseWhatWouldBeIgnored(given)
  const parts = [...contentParts(given.content), ...filesOf(given.input_files)]
  if (parts.length === 0) throw invalid('content', 'content must not be empty')
  const workflowId = optionalId(given, 'workflow_id')
  const target = optionalId(given, 'workflow_target')
  if (target !== undefined && target !== 'workflow' && target !== 'chat')
    throw invalid('workflow_target', 'workflow_target must be "workflow" or "chat"')
  if (target === 'workflow' && workflowId === undefined)
    throw invalid('workflow_id', 'workflow_id is required when workflow_target is "workflow"', 'missing')
  const optional = {
    name: optionalId(given, 'name'),
    threadId: optionalId(given, 'thread_id'),
    workflowId,
    model: optionalId(given, 'model'),
    provider: optionalId(given, 'provider'),
    idempotencyKey: optionalId(given, 'idempotency_key'),
    requestId: optionalId(given, 'request_id'),
  }
  return {
    ...withoutAbsent(optional),
    parts,
    tools: toolNames(given.tools),
    inputNames: {
      message: optionalId(given, 'workflow_message_input_name') ?? 'message',
      messages: optionalId(given, 'workflow_messages_input_name') ?? 'messages',
    },
    given,
  }
}

/** The parts of a message's content: text, one part, or several. Empty text is none. */
export function contentParts(content: unknown): Part[] {
  if (content === undefined || content === null) return []
  if (typeof content === 'string') return content.trim() === '' ? [] : [{ type: 'text', text: content }]
  if (isFields(content)) return [contentPart(content, 'content')]
  if (!Array.isArray(content)) throw invalid('content', 'content must be a string, a part or an array of parts')
  return listAt(content, 'content', mostParts).map((part, index) =>
    contentPart(objectAt(part, `content[${index}]`), `content[${index}]`),
  )
}

function contentPart(part: Fields, at: string): Part {
  switch (part.type) {
    case 'text':
      if (typeof part.text !== 'string') throw invalid(`${at}.text`, `${at}.text must be a string`)
      return { type: 'text', text: part.text }
    case 'image_url':
      return imagePart(part.image, `${at}.image`)
    case 'audio':
      return audioPart(part.audio, `${at}.audio`)
    case 'document':
      return documentPart(part.document, `${at}.document`)
    case 'video':
      throw unsupported(`${at}.video`, 'Video is not supported')
    case 'thought':
      throw unsupported(`${at}.type`, 'Thoughts are a model’s, not a user’s')
    default:
      throw invalid(`${at}.type`, `${at}.type must be one of text, image_url, audio, document`)
  }
}

function filesOf(files: unknown): Part[] {
  return listAt(files, 'input_files', mostFiles).map((file, index) => inputFilePart(file, `input_files[${index}]`))
}

/** Names, or objects that have one; clients send both. */
function toolNames(tools: unknown): string[] {
  return listAt(tools, 'tools', mostTools).map((tool, index) => {
    const name = isFields(tool) ? tool.name : tool
    if (typeof name !== 'string' || name === '') throw invalid(`tools[${index}]`, `tools[${index}] must name a tool`)
    return name
  })
}

/** What changes the answer and is not done here is refused rather than ignored. */
function refuseWhatWouldBeIgnored(given: Fields): void {
  if (given.agent_mode) throw unsupported('agent_mode', 'agent_mode is not supported')
  if (given.help_mode) throw unsupported('help_mode', 'help_mode is not supported')
  if (listAt(given.collections, 'collections', Number.MAX_SAFE_INTEGER).length > 0)
    throw unsupported('collections', 'collections are not supported; attach knowledge to an application instead')
  if (given.graph !== undefined && given.graph !== null)
    throw unsupported('graph', 'A graph cannot be sent with a message; name a workflow with workflow_id')
}

function withoutAbsent<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

function unsupported(field: string, message: string): AppError {
  return new AppError('unsupported', message, { details: { field } })
}
