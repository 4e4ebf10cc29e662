import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import { token } from '../http-token.ts'

// An `import` of node:http by name looks at all it exports, and some of it brings in Node's fetch (docs/decisions: quick starts).
const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** What an answer's headers say of its body and its connection. */
export interface ResponseHead {
  text: string
  /** The body goes out in chunks. */
  chunked: boolean
  /** The connection ends with this answer. */
  closes: boolean
}

/** A header's value holds nothing that would end its line (RFC 9110, 5.5). */
const notInValue = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Makes an answer's head. `hasBody` is false where none may follow (HEAD, 204, 304); `keepAliveMs` is how long the connection
 * stays open for another request, 0 for as long as it likes. Throws a TypeError for a header that HTTP cannot say.
 */
export function makeResponseHead(
  status: number,
  headers: OutgoingHttpHeaders,
  hasBody: boolean,
  keepAliveMs: number,
): ResponseHead {
  let text = statusLine(status)
  let closes = false
  let isLengthTold = false
  let isDated = false
  let chunked = false
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    switch (name.length) {
      case 4:
        isDated ||= name.toLowerCase() === 'date'
        break
      case 10:
        // Said once, below.
        if (name.toLowerCase() !== 'connection') break
        closes ||= /close/i.test(String(value))
        continue
      case 14:
        isLengthTold ||= name.toLowerCase() === 'content-length'
        break
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') chunked = hasBody
    }
    text += linesOf(name, value)
  }
  if (!isDated) text += dateLine()
  text += closes ? 'Connection: close\r\n' : 'Connection: keep-alive\r\n'
  if (!closes && keepAliveMs > 0) text += `Keep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`
  if (hasBody && !isLengthTold && !chunked) {
    text += 'Transfer-Encoding: chunked\r\n'
    chunked = true
  }
  return { text: `${text}\r\n`, chunked, closes }
}

/** A header's lines, one for each of its values. Throws for what HTTP cannot say. */
export function linesOf(name: string, value: OutgoingHttpHeader): string {
  if (!Array.isArray(value)) return lineOf(name, value)
  let text = ''
  for (const each of value) text += lineOf(name, each)
  return text
}

const statusLines = new Map<number, string>()

function statusLine(status: number): string {
  let line = statusLines.get(status)
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`
    statusLines.set(status, line)
  }
  return line
}

/** The last line of each header: most say the same again and again, and need looking through only once. */
const lastLines = new Map<string, { value: unknown; line: string }>()
/** Names are ours, and few; should they ever be made up, remembering them would help nobody. */
const mostNames = 200

function lineOf(name: string, value: string | number): string {
  const last = lastLines.get(name)
  if (last?.value === value) return last.line
  if (!last && !token.test(name)) throw new TypeError(`Header name must be a valid HTTP token ["${name}"]`)
  if (typeof value !== 'number' && notInValue.test(value))
    throw new TypeError(`Invalid character in header content ["${name}"]`)
  const line = `${name}: ${value}\r\n`
  if (last) {
    last.value = value
    last.line = line
  } else if (lastLines.size < mostNames) lastLines.set(name, { value, line })
  return line
}

let datedSecond = 0
let datedLine = ''

function dateLine(): string {
  const now = Date.now()
  const second = Math.floor(now / 1000)
  if (second !== datedSecond) {
    datedSecond = second
    datedLine = `Date: ${new Date(now).toUTCString()}\r\n`
  }
  return datedLine
}
