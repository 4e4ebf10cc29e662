import { type Part, partsOf, type Source, type TurnState, textOf } from '#contracts/index.ts'
import { isDeeperThan } from '#lib/depth.ts'
import type { Fields } from './codec.ts'
import { isFields } from './fields.ts'
import { deepest } from './scan.ts'

/** A full Message, as clients keep it (CONTRACTS §2.4). */
export function messageFrame(more: Fields): Fields {
  return {
    type: 'message',
    id: null,
    thread_id: null,
    workflow_id: null,
    role: 'assistant',
    name: null,
    content: null,
    tool_calls: null,
    tool_call_id: null,
    provider: null,
    model: null,
    created_at: null,
    ...more,
  }
}

/** The last chunk of an answer. */
export function closingChunk(more: Fields): Fields {
  return {
    type: 'chunk',
    node_id: null,
    thread_id: null,
    workflow_id: null,
    content_type: 'text',
    content: '',
    content_metadata: {},
    done: true,
    thinking: false,
    ...more,
  }
}

/** The arguments of a call: the protocol wants an object, a model may have written anything. */
export function argsOf(json: string): Fields {
  try {
    const value: unknown = JSON.parse(json)
    if (isFields(value) && !isDeeperThan(value, deepest)) return value
  } catch {
    // Not JSON at all: shown as it is.
  }
  return { input: json }
}

/** A result as JSON has it: results are text, or JSON as text. */
export function jsonOf(result: string): unknown {
  try {
    const value: unknown = JSON.parse(result)
    if (!isDeeperThan(value, deepest)) return value
  } catch {
    // Plain text.
  }
  return result
}

/** What a turn has come to, as a message's content: text, and the audio that came with it as a part. */
export function answerContent(state: TurnState | undefined): string | Fields[] {
  const parts = state ? partsOf(state) : []
  const audio = parts.filter((part) => part.type === 'audio')
  const text = textOf(parts)
  if (audio.length === 0) return text
  return [...(text === '' ? [] : [{ type: 'text', text }]), ...audio.map(audioContent)]
}

function audioContent(part: Extract<Part, { type: 'audio' }>): Fields {
  const uri = `data:audio/${part.format === 'mp3' ? 'mpeg' : part.format || 'wav'};base64,${part.data}`
  const transcript = part.transcript === undefined ? {} : { metadata: { transcript: part.transcript } }
  return { type: 'audio', audio: { type: 'audio', uri, ...transcript } }
}

/** What a run gave out, as the parts of a message. */
export function outputContent(outputs: Iterable<unknown>): Fields[] {
  return [...outputs].map((value) => {
    if (typeof value === 'string') return { type: 'text', text: value }
    if (isFields(value)) {
      const { type } = value
      if (type === 'image') return { type: 'image_url', image: value }
      if (type === 'audio' || type === 'video' || type === 'document') return { type, [type]: value }
    }
    const texts = Array.isArray(value) && value.every((item) => typeof item === 'string')
    return { type: 'text', text: texts ? value.join(' ') : JSON.stringify(value ?? null) }
  })
}

/** Where an answer's statements come from, in the shape of a search result. */
export function sourcesOf(state: TurnState | undefined): Fields[] {
  const parts = state ? partsOf(state) : []
  return parts.flatMap((part) => (part.type === 'source' ? [sourceItem(part.source)] : []))
}

function sourceItem(source: Source): Fields {
  return {
    content: source.content,
    score: source.score ?? null,
    metadata: { ...source.metadata, source: source.title, ...(source.url !== undefined && { url: source.url }) },
  }
}
