/** Both inclusive. */
export interface ByteRange {
  start: number
  end: number
}

/**
 * A `Range` header (RFC 9110) of one range → what to send of `size` bytes. Undefined: all of it, which is also the answer
 * to what cannot be read and to several ranges at once. `outside`: there is nothing in it.
 */
export function readRange(header: string, size: number): ByteRange | 'outside' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim())
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const last = Math.min(Number(match[2]), size)
    return last === 0 ? 'outside' : { start: size - last, end: size - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  if (match[2] !== '' && Number(match[2]) < start) return undefined
  return start >= size ? 'outside' : { start, end }
}
