import type { Part } from '#contracts/index.ts'
import type { AssistantSpeech, Speech } from '../conversation.ts'
import { argumentsObject } from '../json.ts'
import { fileData, fileText, splitDataUrl } from '../media.ts'
import { ownSignature } from '../signature.ts'
import { type Block, type MediaSource, type RequestMessage, redacted } from './api.ts'

/** Speeches → `messages`: begins with the user, roles alternate, no empty text, every call followed by its result. */
export function toMessages(speeches: readonly Speech[]): RequestMessage[] {
  const messages: RequestMessage[] = []
  for (const speech of speeches) {
    if (speech.role === 'system') continue
    if (speech.role === 'assistant') {
      add(messages, 'assistant', toAssistantBlocks(speech))
      add(messages, 'user', speech.results.map(toResult))
    } else add(messages, 'user', speech.parts.flatMap(toUserBlocks))
  }
  if (messages[0]?.role !== 'user') messages.unshift({ role: 'user', content: [{ type: 'text', text: '(continued)' }] })
  trimPrefill(messages.at(-1)!)
  return messages
}

function add(messages: RequestMessage[], role: 'user' | 'assistant', content: Block[]): void {
  if (content.length === 0) return
  const last = messages.at(-1)
  if (last?.role === role) last.content.push(...content)
  else messages.push({ role, content: [...content] })
}

/** An answer to be continued may not end in white space. */
function trimPrefill(last: RequestMessage): void {
  const block = last.role === 'assistant' ? last.content.at(-1) : undefined
  if (block?.type === 'text') block.text = block.text.trimEnd() || '…'
}

function toAssistantBlocks({ parts, calls }: AssistantSpeech): Block[] {
  const blocks: Block[] = []
  for (const part of parts) {
    if (part.type === 'reasoning') {
      const signature = ownSignature('anthropic', part.signature)
      if (signature?.startsWith(redacted))
        blocks.push({ type: 'redacted_thinking', data: signature.slice(redacted.length) })
      else if (signature !== undefined) blocks.push({ type: 'thinking', thinking: part.text, signature })
    } else if (part.type === 'text' || part.type === 'refusal') blocks.push(...toText(part.text))
  }
  for (const call of calls)
    blocks.push({ type: 'tool_use', id: toolId(call.callId), name: call.name, input: argumentsObject(call.arguments) })
  return blocks
}

function toResult(result: { callId: string; result: string; isError: boolean }): Block {
  return {
    type: 'tool_result',
    tool_use_id: toolId(result.callId),
    content: result.result,
    ...(result.isError && { is_error: true as const }),
  }
}

/** Ids that other upstreams made may hold characters that are refused here. */
function toolId(id: string): string {
  return id.replace(/[^\w-]/g, '_').slice(0, 64) || '_'
}

function toUserBlocks(part: Part): Block[] {
  switch (part.type) {
    case 'text':
      return toText(part.text)
    case 'image':
      return [{ type: 'image', source: toSource(part.url) }]
    case 'file':
      return [documentBlock(part)]
    case 'audio':
      return [{ type: 'text', text: part.transcript ?? '(an audio recording that this model cannot hear)' }]
    default:
      return []
  }
}

function toText(text: string): Block[] {
  return text.trim() === '' ? [] : [{ type: 'text', text }]
}

function toSource(url: string): MediaSource {
  const inline = splitDataUrl(url)
  return inline ? { type: 'base64', media_type: inline.mediaType, data: inline.data } : { type: 'url', url }
}

function documentBlock(file: Extract<Part, { type: 'file' }>): Block {
  const text = fileText(file)
  if (text !== undefined)
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, title: file.name }
  const data = fileData(file)
  if (data === undefined && file.url === undefined)
    return { type: 'text', text: `File ${file.name} (${file.mediaType}), content not given` }
  const source: MediaSource =
    data === undefined ? { type: 'url', url: file.url! } : { type: 'base64', media_type: file.mediaType, data }
  if (file.mediaType.startsWith('image/')) return { type: 'image', source }
  return { type: 'document', source, title: file.name }
}
