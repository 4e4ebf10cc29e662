/** A piece of a text: `text.slice(start, end)`. */
export interface Span {
  start: number
  end: number
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
const abbreviation = /(?:^|[\s(])(?:Dr|Mr|Mrs|Ms|Prof|St|Fig|Figs|Eq|No|vs|cf|al|approx|Nr|Abb|Sr|Jr)\.\s*$/
/** Longest text given to the segmenter at once, so that no input can make it slow. */
const maxBlock = 4000

/**
 * The sentences of a text in any script, in order, trimmed, none empty, none longer than `maxLength`. They never overlap.
 * A line break ends a sentence unless the text was plainly wrapped there; with `lines` it always does (tables, code).
 */
export function* splitSentences(
  text: string,
  options: { maxLength?: number; lines?: boolean } = {},
): Generator<Span, void> {
  const maxLength = Math.max(16, options.maxLength ?? 600)
  for (const block of blocks(text, options.lines === true)) {
    // Wrapped lines are one sentence, but the segmenter would end it at the break. Same length, so offsets hold.
    const flat = text.slice(block.start, block.end).replace(/[\r\n]/g, ' ')
    let start = -1
    for (const segment of segmenter.segment(flat)) {
      const from = block.start + segment.index
      const end = from + segment.segment.length
      if (start < 0) start = from
      if (end < block.end && unfinished(text, start, end)) continue
      yield* cut(text, trim(text, start, end), maxLength)
      start = -1
    }
  }
}

/** The last position at or before `end` that does not tear a surrogate pair apart. */
export function safeEnd(text: string, end: number): number {
  if (end >= text.length) return text.length
  const before = text.charCodeAt(end - 1)
  return before >= 0xd800 && before <= 0xdbff ? end - 1 : end
}

/** Too short to stand alone ("1.", "a)") or ended by an abbreviation's full stop. */
function unfinished(text: string, start: number, end: number): boolean {
  const { start: from, end: to } = trim(text, start, end)
  return to - from <= 3 || abbreviation.test(text.slice(Math.max(from, to - 10), to))
}

function* blocks(text: string, lines: boolean): Generator<Span, void> {
  let start = 0
  let lineStart = 0
  while (lineStart < text.length) {
    const found = text.indexOf('\n', lineStart)
    const lineEnd = found < 0 ? text.length : found
    const next = found < 0 ? text.length : found + 1
    while (lineEnd - start > maxBlock) {
      const end = breakBefore(text, start, start + maxBlock)
      yield { start, end }
      start = end
    }
    if (lines || !wrapped(text, lineStart, lineEnd, next)) {
      if (lineEnd > start) yield { start, end: lineEnd }
      start = next
    }
    lineStart = next
  }
  if (start < text.length) yield { start, end: text.length }
}

/** Whether a line was broken only to fit a width: it is long, and the next goes on in lower case. */
function wrapped(text: string, start: number, end: number, next: number): boolean {
  return end - start >= 40 && next < text.length && /^\p{Ll}/u.test(text.slice(next, next + 2))
}

function* cut(text: string, span: Span, maxLength: number): Generator<Span, void> {
  let { start } = span
  while (span.end - start > maxLength) {
    const end = breakBefore(text, start, start + maxLength)
    const piece = trim(text, start, end)
    if (piece.end > piece.start) yield piece
    start = end
  }
  const rest = trim(text, start, span.end)
  if (rest.end > rest.start) yield rest
}

/** Where to break a text that is too long: after a full stop, else at a space, in the later half; else anywhere. */
function breakBefore(text: string, start: number, limit: number): number {
  const half = start + ((limit - start) >> 1)
  const window = text.slice(half, limit)
  const stop = window.lastIndexOf('. ')
  if (stop >= 0) return half + stop + 2
  const space = Math.max(window.lastIndexOf(' '), window.lastIndexOf('\n'))
  if (space >= 0) return half + space + 1
  return safeEnd(text, limit)
}

function trim(text: string, start: number, end: number): Span {
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return { start, end }
}

function isSpace(code: number): boolean {
  return (
    code === 32 ||
    (code >= 9 && code <= 13) ||
    code === 0xa0 ||
    code === 0x85 ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x3000 ||
    code === 0xfeff
  )
}
