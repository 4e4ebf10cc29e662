import type { FinishReason, Source } from '#contracts/index.ts'
import type { Gathered } from './gather-sources.ts'
import { inline, leftOutNote, nothingToQuote, quotedLead, unreadNote } from './own-words.ts'
import type { Passage, Ranking } from './rank.ts'

/** A piece of the answer and the source it quotes, if it does. */
export interface Block {
  text: string
  source?: Source
}

/** The answer in order; joined, the blocks' texts are the whole of it. */
export function composeAnswer(gathered: Gathered, ranking: Ranking): Block[] {
  const notes: Block[] = []
  if (gathered.cut || ranking.cut) notes.push({ text: `\n\n${leftOutNote}` })
  if (gathered.unread.length > 0) notes.push({ text: `\n\n${unreadNote(gathered.unread)}` })
  const { passages } = ranking
  if (passages.length === 0) return [{ text: nothingToQuote(gathered.sources.length) }, ...notes]

  const sources = passages.map(toSource)
  const quotes = sources.map((source, index) => ({ text: `\n\n${quote(source.content)} [${index + 1}]`, source }))
  const list = passages.map((passage, index) => `[${index + 1}] ${place(passage)}`).join(' · ')
  return [{ text: quotedLead }, ...quotes, { text: `\n\n${list}` }, ...notes]
}

/** Ends the answer where a stop text begins or where the limit of tokens is reached. */
export function cutAnswer(
  blocks: readonly Block[],
  limits: { stop?: readonly string[]; maxOutputTokens?: number },
  countTokens: (text: string) => number,
): { blocks: Block[]; finishReason: FinishReason } {
  const whole = blocks.map((block) => block.text).join('')
  let end = whole.length
  for (const stop of limits.stop ?? []) {
    const at = stop === '' ? -1 : whole.indexOf(stop)
    if (at >= 0) end = Math.min(end, at)
  }
  let finishReason: FinishReason = 'stop'
  const max = limits.maxOutputTokens
  if (max !== undefined && countTokens(whole.slice(0, end)) > max) {
    finishReason = 'length'
    end = longestPrefix(whole, end, max, countTokens)
  }
  const kept: Block[] = []
  for (const block of blocks) {
    if (end <= 0) break
    kept.push(block.text.length <= end ? block : { ...block, text: block.text.slice(0, end) })
    end -= block.text.length
  }
  return { blocks: kept, finishReason }
}

/** The longest run of whole words within `max` tokens. Sound because the count never falls as text grows. */
function longestPrefix(text: string, end: number, max: number, countTokens: (text: string) => number): number {
  const ends = [0]
  for (const word of wordwise(text.slice(0, end))) ends.push(ends.at(-1)! + word.length)
  let low = 0
  let high = ends.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (countTokens(text.slice(0, ends[middle])) <= max) low = middle
    else high = middle - 1
  }
  return ends[low]!
}

/** The text in small pieces: a word with the space after it, or a few characters where a script has no spaces. */
export function wordwise(text: string): string[] {
  return text.match(/\S{1,24}\s{0,8}|\s{1,8}/gu) ?? []
}

function toSource(passage: Passage, index: number): Source {
  const { source, start, end, score } = passage
  return {
    id: `s${index + 1}`,
    title: source.title,
    content: source.text.slice(start, end),
    score: Math.min(1, Math.round(score * 10_000) / 10_000),
    metadata: {
      origin: source.origin,
      start,
      end,
      ...(source.mediaType !== undefined && { media_type: source.mediaType }),
    },
  }
}

/** Markdown's quote marks before every line; the text itself stays as it is. */
function quote(text: string): string {
  return `> ${text.replace(/\r\n?|\n/g, '$&> ')}`
}

function place({ source, start }: Passage): string {
  const markup = /html|xml/.test(source.mediaType ?? '')
  if (source.origin !== 'file' || markup) return inline(source.title)
  return `${inline(source.title)}, line ${source.text.slice(0, start).split('\n').length}`
}
