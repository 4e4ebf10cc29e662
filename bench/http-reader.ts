/** Reads HTTP/1.1 messages off a socket. It knows just what the mock and the load generator need, so that they stay cheap. */

export type MessageSink = {
  /** The start line and headers of a message, as latin1. */
  head(text: string): void
  /** Some bytes of the body, transfer coding removed. */
  body(bytes: Buffer): void
  /** The message is complete; called once per head. */
  end(): void
}

type Phase = 'head' | 'sized' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer'

const LINE_FEED = 10

/** Returns a function that takes the socket's bytes in order. Throws on a message that it cannot frame. */
export function createHttpReader(sink: MessageSink): (bytes: Buffer) => void {
  let phase: Phase = 'head'
  let remaining = 0
  let carried: Buffer | undefined

  function takeHead(bytes: Buffer, from: number): number {
    const end = bytes.indexOf('\r\n\r\n', from, 'latin1')
    if (end < 0) return -1
    const text = bytes.toString('latin1', from, end)
    const length = /\r\ncontent-length:\s*(\d+)/i.exec(text)
    const isChunked = length === null && /\r\ntransfer-encoding:[^\r]*chunked/i.test(text)
    remaining = length ? Number(length[1]) : 0
    phase = isChunked ? 'chunk-size' : 'sized'
    sink.head(text)
    if (!isChunked && remaining === 0) endMessage()
    return end + 4
  }

  function endMessage(): void {
    phase = 'head'
    sink.end()
  }

  function takeBody(bytes: Buffer, from: number): number {
    const end = Math.min(bytes.length, from + remaining)
    remaining -= end - from
    sink.body(bytes.subarray(from, end))
    if (remaining === 0) {
      if (phase === 'sized') endMessage()
      else phase = 'chunk-end'
    }
    return end
  }

  function takeLine(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(LINE_FEED, from)
    if (end < 0) return -1
    if (phase === 'chunk-size') {
      remaining = Number.parseInt(bytes.toString('latin1', from, end), 16)
      if (Number.isNaN(remaining)) throw new Error('malformed chunk size')
      phase = remaining === 0 ? 'trailer' : 'chunk-data'
    } else if (phase === 'chunk-end') {
      phase = 'chunk-size'
    } else if (end - from <= 1) {
      endMessage()
    }
    return end + 1
  }

  return (incoming) => {
    const bytes = carried ? Buffer.concat([carried, incoming]) : incoming
    carried = undefined
    let position = 0
    while (position < bytes.length) {
      const next =
        phase === 'head'
          ? takeHead(bytes, position)
          : phase === 'sized' || phase === 'chunk-data'
            ? takeBody(bytes, position)
            : takeLine(bytes, position)
      if (next < 0) {
        carried = bytes.subarray(position)
        return
      }
      position = next
    }
  }
}
