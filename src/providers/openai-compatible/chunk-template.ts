import { isObject, parseJson } from '../json.ts'

/** A stream whose chunks are all unlike each other is not worth trying for ever. */
const maxLessons = 8

/**
 * Most chunks of a stream are the same text but for the words in `delta.content`. What stands before and behind these is
 * learned from one chunk; a later one that has the same around a JSON string is that chunk with another content, and
 * only the string has to be parsed. Exact, not a guess: putting one string literal in another's place changes nothing
 * else of a JSON text.
 */
export class ChunkTemplate {
  #before = ''
  #after = ''
  #lessons = 0

  /** The content of a chunk that fits the template; undefined: it must be parsed. */
  contentOf(data: string): string | undefined {
    const before = this.#before
    const after = this.#after
    const end = data.length - after.length
    if (before === '' || end < before.length) return undefined
    // Slices share their characters and are compared many at a time; startsWith and endsWith take seven times as long.
    if (data.slice(0, before.length) !== before || data.slice(end) !== after) return undefined
    const literal = data.slice(before.length, end)
    if (isPlain(literal)) return literal.slice(1, -1)
    const content = parseJson(literal)
    return typeof content === 'string' ? content : undefined
  }

  /** Takes the template from a chunk whose only meaning was its `content`. */
  learn(data: string, content: string): void {
    if (this.#lessons === maxLessons) return
    this.#lessons++
    const key = /"content":\s*(?=")/.exec(data)
    if (!key) return
    const start = key.index + key[0].length
    const end = endOfString(data, start)
    const before = data.slice(0, start)
    const after = data.slice(end)
    if (parseJson(data.slice(start, end)) !== content || contentIn(parseJson(`${before}""${after}`)) !== '') return
    this.#before = before
    this.#after = after
  }
}

const plain = /^"[^"\\\u0000-\u001f]*"$/

/** A string literal that says what it means: no escapes, nothing that JSON forbids. */
function isPlain(literal: string): boolean {
  return plain.test(literal)
}

/** Behind the closing quote of the string literal that begins at `start`. */
function endOfString(data: string, start: number): number {
  for (let index = start + 1; index < data.length; index++) {
    const char = data[index]
    if (char === '"') return index + 1
    if (char === '\\') index++
  }
  return data.length
}

function contentIn(chunk: unknown): unknown {
  const choice: unknown = isObject(chunk) && Array.isArray(chunk.choices) ? chunk.choices[0] : undefined
  return isObject(choice) && isObject(choice.delta) ? choice.delta.content : undefined
}
