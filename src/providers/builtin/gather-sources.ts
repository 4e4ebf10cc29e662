import { type Message, type Part, textOf } from '#contracts/index.ts'
import { safeEnd } from '#lib/sentences.ts'
import { stripHtml } from '#lib/strip-html.ts'
import { estimateTokens } from '#lib/tokens.ts'
import { isOwnAnswer } from './own-words.ts'
import type { Question } from './read-question.ts'

/** A text that may be quoted. */
export interface SourceText {
  title: string
  text: string
  origin: 'file' | 'question' | 'conversation'
  /** Every line is a record of its own (tables, code), never part of a wrapped sentence. */
  lines: boolean
  mediaType?: string
}

export interface Gathered {
  sources: SourceText[]
  /** Names of files that hold no text this provider can read. */
  unread: string[]
  /** Something was left out because there was too much. */
  cut: boolean
}

type FilePart = Extract<Part, { type: 'file' }>

/** UTF-16 units of source text that one call looks at. */
export const maxSourceLength = 2_000_000
/** A turn of the conversation below this many tokens is small talk. */
const minTurnTokens = 8

/**
 * Everything in a call that may be quoted, most relevant first: newest files, what was pasted with the question,
 * earlier turns from the newest back. System messages are instructions, not the user's to read: never quoted. Within `limit`, and each text only once.
 */
export function gatherSources(messages: readonly Message[], question: Question, limit = maxSourceLength): Gathered {
  const gathered: Gathered = { sources: [], unread: [], cut: false }
  const seen = new Set<string>()
  let left = limit

  const add = (source: SourceText): void => {
    if (source.text.trim() === '' || seen.has(source.text)) return
    seen.add(source.text)
    if (source.text.length > left) {
      gathered.cut = true
      source = { ...source, text: source.text.slice(0, safeEnd(source.text, left)) }
    }
    left -= source.text.length
    if (source.text !== '') gathered.sources.push(source)
  }

  for (const message of messages.toReversed()) {
    for (const part of message.parts) {
      if (part.type !== 'file') continue
      const read = readFile(part, left)
      if (read === undefined) {
        if (!gathered.unread.includes(part.name)) gathered.unread.push(part.name)
        continue
      }
      if (read.cut) gathered.cut = true
      add({ title: part.name, text: read.text, origin: 'file', lines: isTable(part), mediaType: part.mediaType })
    }
  }
  add({ title: 'Your message', text: question.pasted, origin: 'question', lines: false })
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]!
    if (index === question.message || message.role === 'system') continue
    for (const [title, text] of turnTexts(message)) {
      if (estimateTokens(text) >= minTurnTokens) add({ title, text, origin: 'conversation', lines: false })
    }
  }
  return gathered
}

function turnTexts(message: Message): [title: string, text: string][] {
  const found: [string, string][] = []
  for (const part of message.parts) {
    if (part.type === 'tool-result' && !part.isError) found.push([`Result of ${part.name ?? 'a tool'}`, part.result])
  }
  const text = textOf(message.parts)
  // Quoting its own quotes would pass them off as a second source.
  if (message.role === 'assistant' && isOwnAnswer(text)) return found
  const speaker = message.role === 'assistant' ? 'Earlier answer' : 'Earlier message'
  found.push([message.name ? `${speaker} (${message.name})` : speaker, text])
  return found
}

function readFile(part: FilePart, left: number): { text: string; cut: boolean } | undefined {
  if (part.text !== undefined) return { text: part.text, cut: false }
  if (part.data === undefined || !isText(part)) return undefined
  // Markup falls away, so more of it may be read; the bound is on work all the same.
  const bytes = (isMarkup(part) ? 2 : 1) * Math.max(left, 0) * 3
  const base64Length = Math.ceil(bytes / 3) * 4
  const text = decodeText(Buffer.from(part.data.slice(0, base64Length), 'base64'))
  if (text.includes('\0')) return undefined
  return { text: isMarkup(part) ? stripHtml(text) : text, cut: part.data.length > base64Length }
}

function decodeText(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return new TextDecoder().decode(bytes)
}

function baseType(part: FilePart): string {
  return part.mediaType.split(';', 1)[0]!.trim().toLowerCase()
}

function isText(part: FilePart): boolean {
  const type = baseType(part)
  if (/^text\/|[/+](?:json|xml|yaml)$/.test(type)) return true
  if (/^application\/(?:x-)?(?:csv|markdown|ndjson|jsonl|yaml|toml|javascript|typescript|sql|sh)$/.test(type))
    return true
  // Clients that do not know a file's type send none, or this one.
  return (
    (type === '' || type === 'application/octet-stream') &&
    /\.(?:txt|md|markdown|csv|tsv|json|jsonl|html?|xml|ya?ml|log|rst)$/i.test(part.name)
  )
}

function isMarkup(part: FilePart): boolean {
  return (
    /[/+](?:html|xml)$/.test(baseType(part)) ||
    (!baseType(part).startsWith('text/') && /\.(?:html?|xml)$/i.test(part.name))
  )
}

function isTable(part: FilePart): boolean {
  return /csv|json|tab-separated|yaml/.test(baseType(part)) || /\.(?:csv|tsv|jsonl?|ya?ml|log)$/i.test(part.name)
}
