/** Stands between question and answer; no folded text has it, so nothing is found that lies half in each. */
const gap = '\u0001'

/** Every stretch of white space and control characters but a single space: millions of those may be left as they are. */
const unevenSpace = /(?:[^\S ]|\p{Cc})[\s\p{Cc}]*| [\s\p{Cc}]+/gu

/**
 * A text as it is compared: without case, width and compatibility forms, any white space or control character as one
 * space. What a search finds are texts whose fold contains the fold of what is looked for.
 */
export function fold(text: string): string {
  return (
    text
      .toWellFormed()
      .normalize('NFKC')
      // Upper case first: the lower case of ß stays, that of its upper case is what everybody types.
      .toUpperCase()
      .toLowerCase()
      .replaceAll('ς', 'σ')
      .normalize('NFKC')
      .replace(unevenSpace, ' ')
      .trim()
  )
}

/** What is kept of a turn to be searched. */
export function searchable(question: string, answer: string): string {
  return `${fold(question)}${gap}${fold(answer)}`
}
