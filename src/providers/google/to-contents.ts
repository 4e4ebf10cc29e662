import type { Part } from '#contracts/index.ts'
import type { AssistantSpeech, Speech, ToolCallPart, ToolResultPart } from '../conversation.ts'
import { argumentsObject, isObject, parseJson } from '../json.ts'
import { fileData, fileText, splitDataUrl } from '../media.ts'
import { ownSignature } from '../signature.ts'
import type { Content, WirePart } from './api.ts'

/**
 * What the vendor documents for calls that come from elsewhere: Gemini 3 refuses a call without a signature, and takes
 * this word for one.
 */
const foreignSignature = 'skip_thought_signature_validator'

/**
 * Speeches → `contents`: roles alternate, begins with the user, a call's responses follow it in one content.
 * `needsProof`: the model refuses calls without a signature.
 */
export function toContents(speeches: readonly Speech[], needsProof: boolean): Content[] {
  const contents: Content[] = []
  for (const speech of speeches) {
    if (speech.role === 'system') continue
    if (speech.role === 'assistant') {
      const native = ownSignature('google', speech.calls[0]?.signature) !== undefined
      add(contents, 'model', toModelParts(speech, native, needsProof))
      add(
        contents,
        'user',
        speech.results.map((result) => toResponse(result, native)),
      )
    } else add(contents, 'user', speech.parts.flatMap(toUserParts))
  }
  if (contents[0]?.role !== 'user') contents.unshift({ role: 'user', parts: [{ text: '(continued)' }] })
  return contents
}

function add(contents: Content[], role: Content['role'], parts: WirePart[]): void {
  if (parts.length === 0) return
  const last = contents.at(-1)
  if (last?.role === role) last.parts.push(...parts)
  else contents.push({ role, parts: [...parts] })
}

function toModelParts({ parts, calls }: AssistantSpeech, native: boolean, needsProof: boolean): WirePart[] {
  const wire: WirePart[] = []
  for (const part of parts) {
    const signature = part.type === 'reasoning' ? ownSignature('google', part.signature) : undefined
    if (part.type === 'reasoning' && signature !== undefined)
      wire.push({ text: part.text, thought: true, thoughtSignature: signature })
    if ((part.type === 'text' || part.type === 'refusal') && part.text !== '') wire.push({ text: part.text })
  }
  calls.forEach((call, at) => {
    // Of several calls in one answer only the first carries a proof.
    const signature = ownSignature('google', call.signature) ?? (needsProof && at === 0 ? foreignSignature : undefined)
    const functionCall = { ...idOf(call, native), name: call.name, args: argumentsObject(call.arguments) }
    wire.push({ functionCall, ...(signature !== undefined && { thoughtSignature: signature }) })
  })
  return wire
}

function toResponse(result: ToolResultPart, native: boolean): WirePart {
  const value = parseJson(result.result)
  const response = isObject(value) ? value : { [result.isError ? 'error' : 'output']: result.result }
  return { functionResponse: { ...idOf(result, native), name: result.name ?? 'unknown', response } }
}

/** Only ids that Google itself gave go back: not other vendors', nor those made up here (see from-answers). */
function idOf({ callId }: ToolCallPart | ToolResultPart, native: boolean): { id?: string } {
  return native && !/^call_[\da-f]{32}$/.test(callId) ? { id: callId } : {}
}

function toUserParts(part: Part): WirePart[] {
  switch (part.type) {
    case 'text':
      return part.text === '' ? [] : [{ text: part.text }]
    case 'image':
      return [toMedia(part.url, undefined)]
    case 'audio':
      return [{ inlineData: { mimeType: `audio/${part.format || 'wav'}`, data: part.data } }]
    case 'file': {
      const text = fileText(part)
      const data = fileData(part)
      if (text !== undefined) return [{ text }]
      if (data !== undefined) return [{ inlineData: { mimeType: part.mediaType, data } }]
      if (part.url !== undefined) return [toMedia(part.url, part.mediaType)]
      return [{ text: `File ${part.name} (${part.mediaType}), content not given` }]
    }
    default:
      return []
  }
}

function toMedia(url: string, mediaType: string | undefined): WirePart {
  const inline = splitDataUrl(url)
  if (inline) return { inlineData: { mimeType: inline.mediaType, data: inline.data } }
  const mimeType = mediaType ?? imageType(url)
  return { fileData: { fileUri: url, ...(mimeType !== undefined && { mimeType }) } }
}

function imageType(url: string): string | undefined {
  const ending = /\.(png|jpe?g|webp|gif|heic|heif)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase()
  return ending === undefined ? undefined : `image/${ending === 'jpg' ? 'jpeg' : ending}`
}
