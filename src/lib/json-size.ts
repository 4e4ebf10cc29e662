const quote = 0x22
const comma = 0x2c
const openArray = 0x5b
const backslash = 0x5c
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/** What is shorter is read in no time, whatever it is. */
const harmlessLength = 64 * 1024

/**
 * Why a JSON text is better not read: millions of brackets fit into one, and JSON.parse takes seconds for them. Undefined
 * for a text that may be read, also when it is no JSON. Short ones may be anything.
 */
export function tooMuchJson(text: string, most: { depth: number; values: number }): string | undefined {
  if (text.length <= harmlessLength) return undefined
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at)
        break
      case openArray:
      case openObject:
        values++
        if (++depth > most.depth) return 'is nested too deeply'
        break
      case closeArray:
      case closeObject:
        depth--
        break
      case comma:
        values++
    }
    if (values > most.values) return `has more than ${most.values} values`
  }
  return undefined
}

/** Where the string that begins at `from` ends. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end
    while (text.charCodeAt(before - 1) === backslash) before--
    if ((end - before) % 2 === 0) return end
  }
  return text.length
}
