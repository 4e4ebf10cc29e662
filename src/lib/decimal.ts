const zero = 0x30

/** What 1 to `mostDigits` (at most 15) decimal digits say, and nothing else; a tenth of what a pattern and `Number` cost. */
export function decimalOf(text: string, mostDigits: number): number | undefined {
  if (text.length === 0 || text.length > mostDigits) return undefined
  let value = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - zero
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}
