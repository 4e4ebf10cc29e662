import { linesOf, type Message, type Part } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import { mediaTypeOf } from '#lib/media-type.ts'

type Json = Record<string, unknown>

/** What each role may say, by the names of the wire: what a model would not get to see is refused. */
const partTypes = {
  system: ['text'],
  user: ['text', 'image_url', 'input_audio', 'file'],
  assistant: ['text', 'refusal'],
  tool: ['text'],
}
type Speaker = keyof typeof partTypes

const details = ['auto', 'low', 'high'] as const

/** What one request may carry inline; larger documents belong into the file store. */
const maxParts = 1024

/**
 * OpenAI's `messages` → neutral ones. Accepts what current and older clients send: string or part content, `developer`,
 * `function` and `tool` roles, tool_calls and function_call, Nadoo's `attachments`. Throws `invalid-request` naming
 * the path (`messages[2].content[0].image_url`).
 */
export function decodeMessages(messages: readonly unknown[]): Message[] {
  return messages.map((message, index) => decodeMessage(message as Json, `messages[${index}]`))
}

function decodeMessage(message: Json, at: string): Message {
  const name = optionalString(message.name, `${at}.name`)
  const withName = name === undefined ? {} : { name }
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', parts: contentParts(message.content, `${at}.content`, 'system'), ...withName }
    case 'user':
      return {
        role: 'user',
        parts: [
          ...contentParts(message.content, `${at}.content`, 'user'),
          ...attachments(message.attachments, `${at}.attachments`),
        ],
        ...withName,
      }
    case 'assistant':
      return { role: 'assistant', parts: assistantParts(message, at), ...withName }
    case 'tool':
      return {
        role: 'tool',
        parts: [
          {
            type: 'tool-result',
            callId: requiredString(message.tool_call_id, `${at}.tool_call_id`),
            result: plainText(message.content, `${at}.content`),
            isError: false,
          },
        ],
      }
    case 'function': {
      // The older API knew calls by their name alone.
      const called = requiredString(message.name, `${at}.name`)
      return {
        role: 'tool',
        parts: [
          {
            type: 'tool-result',
            callId: functionCallId(called),
            name: called,
            result: plainText(message.content, `${at}.content`),
            isError: false,
          },
        ],
      }
    }
    default:
      throw invalid(
        `${at}.role`,
        `${at}.role must be one of system, developer, user, assistant, tool, function; got ${show(message.role)}`,
      )
  }
}

/** The id that a legacy `function_call` gets, so that its answer finds it. */
export function functionCallId(name: string): string {
  return `fc_${name}`
}

function assistantParts(message: Json, at: string): Part[] {
  const parts: Part[] = []
  const reasoning = optionalString(message.reasoning_content, `${at}.reasoning_content`)
  if (reasoning) parts.push({ type: 'reasoning', text: reasoning })
  if (message.content !== null && message.content !== undefined)
    parts.push(...contentParts(message.content, `${at}.content`, 'assistant'))
  const refusal = optionalString(message.refusal, `${at}.refusal`)
  if (refusal) parts.push({ type: 'refusal', text: refusal })
  if (message.audio !== undefined && message.audio !== null) {
    const { id } = object(message.audio, `${at}.audio`)
    if (requiredString(id, `${at}.audio.id`) === '') throw invalid(`${at}.audio.id`, `${at}.audio.id must not be empty`)
    // The upstream that spoke it knows it by its id; nobody is sent the sound again.
    parts.push({ type: 'audio', data: '', format: '', id: id as string })
  }
  for (const [index, call] of list(message.tool_calls, `${at}.tool_calls`).entries()) {
    const path = `${at}.tool_calls[${index}]`
    const called = object(object(call, path).function ?? object(call, path).custom, `${path}.function`)
    parts.push({
      type: 'tool-call',
      callId: requiredString((call as Json).id, `${path}.id`),
      name: requiredString(called.name, `${path}.function.name`),
      arguments: requiredString(called.arguments ?? called.input, `${path}.function.arguments`),
    })
  }
  if (message.function_call !== undefined && message.function_call !== null) {
    const called = object(message.function_call, `${at}.function_call`)
    const name = requiredString(called.name, `${at}.function_call.name`)
    parts.push({
      type: 'tool-call',
      callId: functionCallId(name),
      name,
      arguments: requiredString(called.arguments, `${at}.function_call.arguments`),
    })
  }
  if (parts.length === 0) throw invalid(at, `${at} has neither content nor tool_calls nor audio`)
  return parts
}

function contentParts(content: unknown, at: string, speaker: Speaker): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw invalid(at, `${at} must be a string or an array of parts; got ${show(content)}`)
  if (content.length > maxParts) throw invalid(at, `${at} must have at most ${maxParts} parts`)
  return content.map((part, index) => contentPart(object(part, `${at}[${index}]`), `${at}[${index}]`, speaker))
}

function contentPart(part: Json, at: string, speaker: Speaker): Part {
  const type = part.type === 'input_text' || part.type === 'output_text' ? 'text' : part.type
  const types = partTypes[speaker]
  if (typeof type !== 'string' || !types.includes(type))
    throw invalid(
      `${at}.type`,
      `${at}.type must be ${types.length > 1 ? 'one of ' : ''}${types.join(', ')} in a ${speaker} message; got ${show(part.type)}`,
    )
  switch (type) {
    case 'text':
      return { type: 'text', text: requiredString(part.text, `${at}.text`) }
    case 'refusal':
      return { type: 'refusal', text: requiredString(part.refusal, `${at}.refusal`) }
    case 'image_url': {
      const image =
        typeof part.image_url === 'string' ? { url: part.image_url } : object(part.image_url, `${at}.image_url`)
      return {
        type: 'image',
        url: mediaUrl(image.url, `${at}.image_url.url`),
        ...imageDetail(image.detail, `${at}.image_url.detail`),
      }
    }
    case 'input_audio': {
      const audio = object(part.input_audio, `${at}.input_audio`)
      return {
        type: 'audio',
        data: base64(audio.data, `${at}.input_audio.data`),
        format: requiredString(audio.format, `${at}.input_audio.format`),
      }
    }
    default: {
      const file = object(part.file, `${at}.file`)
      const name = optionalString(file.filename, `${at}.file.filename`) ?? 'file'
      if (file.file_id !== undefined && file.file_id !== null)
        throw new AppError('unsupported', `${at}.file.file_id is not supported: give the file itself in file_data`, {
          details: { field: `${at}.file.file_id` },
        })
      const inline = /^data:([^;,]+);base64,/.exec(requiredString(file.file_data, `${at}.file.file_data`))
      const data = inline ? (file.file_data as string).slice(inline[0].length) : (file.file_data as string)
      return {
        type: 'file',
        name,
        mediaType: inline?.[1] ?? mediaTypeOf(name),
        data: base64(data, `${at}.file.file_data`),
      }
    }
  }
}

/** Nadoo's attachments name files; without their content there is nothing a model could read but the name. */
function attachments(value: unknown, at: string): Part[] {
  return list(value, at).map((entry, index) => {
    const file = object(entry, `${at}[${index}]`)
    const name = requiredString(file.filename, `${at}[${index}].filename`)
    const type = optionalString(file.fileType, `${at}[${index}].fileType`) ?? ''
    const mediaType = type.includes('/') ? type : mediaTypeOf(`x.${type}`)
    const data = optionalString(file.data, `${at}[${index}].data`)
    const text = optionalString(file.content, `${at}[${index}].content`)
    return {
      type: 'file' as const,
      name,
      mediaType,
      ...(data !== undefined && { data: base64(data, `${at}[${index}].data`) }),
      ...(text !== undefined && { text }),
    }
  })
}

function plainText(content: unknown, at: string): string {
  if (typeof content === 'string') return content
  if (content === null || content === undefined) return ''
  return linesOf(contentParts(content, at, 'tool'))
}

function mediaUrl(value: unknown, at: string): string {
  const url = requiredString(value, at)
  if (!/^(https?:\/\/|data:)/i.test(url)) throw invalid(at, `${at} must be an http(s) or data URL`)
  return url
}

function base64(value: unknown, at: string): string {
  const data = requiredString(value, at)
  if (!/^[A-Za-z0-9+/_-]*={0,2}\s*$/.test(data)) throw invalid(at, `${at} must be base64`)
  return data
}

function imageDetail(value: unknown, at: string): { detail?: (typeof details)[number] } {
  if (value === undefined || value === null) return {}
  const detail = details.find((known) => known === value)
  if (!detail) throw invalid(at, `${at} must be one of ${details.join(', ')}; got ${show(value)}`)
  return { detail }
}

function list(value: unknown, at: string): unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(at, `${at} must be an array`)
  return value
}

function object(value: unknown, at: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, `${at} must be an object`)
  return value as Json
}

function requiredString(value: unknown, at: string): string {
  if (typeof value !== 'string') throw invalid(at, `${at} must be a string; got ${show(value)}`)
  return value
}

function optionalString(value: unknown, at: string): string | undefined {
  return value === undefined || value === null ? undefined : requiredString(value, at)
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : value === null ? 'null' : typeof value
}
