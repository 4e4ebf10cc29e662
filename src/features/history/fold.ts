/** Stands between question and answer; no folded text has it, so nothing is found that lies half in each. */
const gap = '\u0001'

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
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim()
  )
}

/** What is kept of a turn to be searched. */
export function searchable(question: string, answer: string): string {
  return `${fold(question)}${gap}${fold(answer)}`
}
