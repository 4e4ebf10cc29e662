const space = 1
const letter = 2
const digit = 3
const mark = 4

/** Class of each ASCII code; a table because this runs for every character that passes through the server. */
const asciiClass = new Uint8Array(128).map((_, code) => {
  if (code <= 32 || code === 127) return space
  if (code >= 48 && code <= 57) return digit
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ? letter : mark
})

/** Twelfths of a token that one UTF-16 unit outside ASCII costs: scripts that tokenizers know well cost less. */
function weight(code: number): number {
  if (code < 0x0530) return 5
  if (code < 0x1100) return 6
  if (code < 0x1200) return 12
  if (code < 0x2000) return 6
  return 12
}

/**
 * How many tokens a text is, roughly, in any script: ASCII words by their length, CJK about one a character.
 * Cheap, linear and deterministic. Never falls when text is appended. Zero only for the empty text.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  let twelfths = 0
  let kind = 0
  let run = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code >= 128) {
      twelfths += weight(code)
      kind = 0
      continue
    }
    const next = asciiClass[code]!
    if (next === space) {
      // A single space belongs to the word after it, as in every common tokenizer; a line break does not.
      if (code === 10) tokens++
      kind = 0
      continue
    }
    if (next !== kind) {
      kind = next
      run = 0
    }
    // A new token begins with the run and then every 6 letters, 3 digits or 2 marks.
    if (run === 0) tokens++
    run++
    if (run === (next === letter ? 6 : next === digit ? 3 : 2)) run = 0
  }
  const total = tokens + Math.ceil(twelfths / 12)
  return total === 0 && text !== '' ? 1 : total
}
