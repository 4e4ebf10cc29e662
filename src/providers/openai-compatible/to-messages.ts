import { createHash } from 'node:crypto'
import { linesOf, type Part } from '#contracts/index.ts'
import type { AssistantSpeech, Speech, ToolCallPart } from '../conversation.ts'
import { isObject, parseJson } from '../json.ts'
import { fileData, fileText } from '../media.ts'
import { ownSignature } from '../signature.ts'
import type { ContentPart, RequestMessage, RequestToolCall } from './api.ts'
import type { Dialect } from './dialect.ts'

/** Longest tool call id that OpenAI takes; ids that other upstreams made can be longer. */
const callIdLimit = 40

/** Speeches → `messages`. Reasoning goes back only where the dialect wants it; refusals go back as they came. */
export function toMessages(speeches: readonly Speech[], dialect: Dialect): RequestMessage[] {
  const messages: RequestMessage[] = []
  for (const speech of speeches) {
    const named = speech.name === undefined ? undefined : { name: speech.name }
    if (speech.role === 'system') messages.push({ role: 'system', content: linesOf(speech.parts), ...named })
    else if (speech.role === 'assistant') messages.push(...assistant(speech, dialect, named))
    else messages.push({ role: 'user', content: toContent(speech.parts), ...named })
  }
  return messages
}

function assistant(speech: AssistantSpeech, dialect: Dialect, named: { name: string } | undefined): RequestMessage[] {
  const text = join(speech.parts, 'text')
  const refusal = join(speech.parts, 'refusal')
  const reasoning = dialect.sendsReasoning && speech.calls.length > 0 ? join(speech.parts, 'reasoning') : ''
  const audio = speech.parts.find((part) => part.type === 'audio' && part.id !== undefined)
  const audioId = audio?.type === 'audio' ? audio.id : undefined
  if (text === '' && refusal === '' && audioId === undefined && speech.calls.length === 0) return []
  const message: RequestMessage = {
    role: 'assistant',
    content: text === '' ? null : text,
    ...named,
    ...(refusal !== '' && { refusal }),
    ...(audioId !== undefined && { audio: { id: audioId } }),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(speech.calls.length > 0 && { tool_calls: speech.calls.map((call) => toToolCall(call, dialect)) }),
  }
  const results = speech.results.map(
    (result): RequestMessage => ({
      role: 'tool',
      tool_call_id: shortId(result.callId),
      content: result.result,
    }),
  )
  return [message, ...results]
}

function toToolCall(call: ToolCallPart, dialect: Dialect): RequestToolCall {
  const signature = dialect.toolSignatures ? ownSignature('openai-compatible', call.signature) : undefined
  return {
    id: shortId(call.callId),
    type: 'function',
    function: { name: call.name, arguments: validArguments(call.arguments) },
    ...(signature !== undefined && { extra_content: { google: { thought_signature: signature } } }),
  }
}

/** Servers that render templates parse the arguments of past calls and fail on what is no JSON object. */
function validArguments(text: string): string {
  if (text.trim() === '') return '{}'
  return isObject(parseJson(text)) ? text : JSON.stringify({ _raw: text })
}

function shortId(id: string): string {
  return id.length <= callIdLimit ? id : `call_${createHash('sha256').update(id).digest('base64url').slice(0, 32)}`
}

/** Text alone is sent as a string: not every compatible server takes a list. */
function toContent(parts: readonly Part[]): string | ContentPart[] {
  const [only] = parts
  if (parts.length === 1 && only?.type === 'text') return only.text
  const content = parts.flatMap(toContentPart)
  if (content.every((part) => part.type === 'text')) return content.map((part) => part.text).join('\n')
  return content
}

function toContentPart(part: Part): ContentPart[] {
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: part.text }]
    case 'image':
      return [{ type: 'image_url', image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } }]
    case 'audio':
      return [{ type: 'input_audio', input_audio: { data: part.data, format: part.format } }]
    case 'file':
      return [toFile(part)]
    default:
      return []
  }
}

function toFile(file: Extract<Part, { type: 'file' }>): ContentPart {
  const text = fileText(file)
  if (text !== undefined) return { type: 'text', text }
  const data = fileData(file)
  const url = data === undefined ? file.url : `data:${file.mediaType};base64,${data}`
  if (url === undefined) return { type: 'text', text: `File ${file.name} (${file.mediaType}), content not given` }
  if (file.mediaType.startsWith('image/')) return { type: 'image_url', image_url: { url } }
  const sound = /^audio\/(?:x-)?(wav|wave|mpeg|mp3)$/.exec(file.mediaType)?.[1]
  if (sound && data !== undefined)
    return { type: 'input_audio', input_audio: { data, format: sound.startsWith('wav') ? 'wav' : 'mp3' } }
  return { type: 'file', file: { filename: file.name, file_data: url } }
}

function join(parts: readonly Part[], type: 'text' | 'refusal' | 'reasoning'): string {
  let text = ''
  for (const part of parts) if (part.type === type) text += part.text
  return text
}
