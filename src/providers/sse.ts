import { AppError } from '#errors/index.ts'

/** Bytes one line may have. */
const lineLimit = 8 * 1024 * 1024
const lf = 10
const cr = 13

/** Called for every complete event. `event` is `message` where the stream names none. */
export type OnSseEvent = (data: string, event: string) => void

export interface SseDecoder {
  /** Feeds bytes as they came, cut anywhere. Throws `upstream-malformed` on an overlong line, and what `onEvent` throws. */
  push(chunk: Uint8Array): void
}

/**
 * Incremental decoder of server-sent events. An event that no blank line ended is not told (the stream was cut).
 * `id` and `retry` fields are ignored: a model call is not resumed by them.
 */
export function sseDecoder(onEvent: OnSseEvent): SseDecoder {
  let carry: Buffer[] = []
  let carried = 0
  let first = true
  let skipLf = false
  let data: string | undefined
  let event = ''

  function line(text: string): void {
    if (text === '') {
      if (data !== undefined) {
        const whole = data
        const name = event
        data = undefined
        event = ''
        onEvent(whole, name === '' ? 'message' : name)
      }
      event = ''
      return
    }
    if (text.startsWith('data: ')) {
      addData(text.slice(6))
      return
    }
    const colon = text.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? text : text.slice(0, colon)
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') addData(value)
    else if (field === 'event') event = value
  }

  function addData(value: string): void {
    data = data === undefined ? value : `${data}\n${value}`
  }

  function lines(text: string): void {
    if (text.includes('\r')) {
      const parts = text.split(/\r\n|\n|\r/)
      for (let index = 0; index < parts.length - 1; index++) line(parts[index]!)
      return
    }
    for (let from = 0; from < text.length; ) {
      const to = text.indexOf('\n', from)
      line(text.slice(from, to))
      from = to + 1
    }
  }

  return {
    push(chunk) {
      let bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      if (skipLf && bytes.length > 0) {
        if (bytes[0] === lf) bytes = bytes.subarray(1)
        skipLf = false
      }
      // A line end is one byte and never part of a character: what stands before the last one is whole characters.
      const size = bytes.length
      const end = bytes[size - 1] === lf ? size : Math.max(bytes.lastIndexOf(lf), bytes.lastIndexOf(cr)) + 1
      if (end === 0) {
        carried += bytes.length
        if (carried > lineLimit) throw new AppError('upstream-malformed', 'The upstream sent an overlong line')
        if (bytes.length > 0) carry.push(bytes)
        return
      }
      skipLf = end === bytes.length && bytes[end - 1] === cr
      let text: string
      if (carried > 0) {
        carry.push(bytes.subarray(0, end))
        text = Buffer.concat(carry).toString('utf8')
        carry = []
        carried = 0
      } else text = bytes.toString('utf8', 0, end)
      if (first) {
        first = false
        if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
      }
      if (end < bytes.length) {
        carry.push(bytes.subarray(end))
        carried = bytes.length - end
      }
      lines(text)
    },
  }
}
