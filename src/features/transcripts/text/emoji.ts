/**
 * One emoji as people see it, after UTS 51: a flag, a keycap, or pictures with their skin tones and hair, joined by ZWJ.
 * A chain is cut after nine pictures, twice as many as any that means something: one emoji cannot go on in the next line.
 * Whether it is drawn in colour is said by `isColored`.
 */
const sequence = new RegExp(
  [
    String.raw`\p{RI}\p{RI}`,
    String.raw`[0-9#*]\uFE0F?\u20E3`,
    String.raw`(?:(?!\p{RI}|[0-9#*])\p{Emoji})(?:\p{EMod}|\uFE0F|\uFE0E)?(?:[\u{E0020}-\u{E007E}]{1,16}\u{E007F})?` +
      String.raw`(?:\u200D(?:(?![0-9#*])\p{Emoji})(?:\p{EMod}|\uFE0F)?){0,8}`,
  ].join('|'),
  'uy',
)
const presented = /^\p{EPres}/u

/** Whether a character may begin an emoji; a look at every character must be cheap. */
export function mayBeEmoji(codePoint: number): boolean {
  if (codePoint < 0x80) return codePoint === 0x23 || codePoint === 0x2a || (codePoint >= 0x30 && codePoint <= 0x39)
  return (
    codePoint >= 0x1f000 || (codePoint >= 0x2030 && codePoint <= 0x3299) || codePoint === 0xa9 || codePoint === 0xae
  )
}

/** The emoji that begins at `at`, if it is to be shown in colour rather than as a letter. */
export function emojiAt(text: string, at: number): string | undefined {
  sequence.lastIndex = at
  const found = sequence.exec(text)?.[0]
  return found !== undefined && isColored(found) ? found : undefined
}

/** A lone `©` or `☎` is text unless it says otherwise (U+FE0F); a lone `😀` is a picture unless it does (U+FE0E). */
function isColored(emoji: string): boolean {
  if (emoji.includes('\uFE0E')) return false
  return presented.test(emoji) || /[\uFE0F\u20E3\u200D]|\p{EMod}/u.test(emoji)
}
