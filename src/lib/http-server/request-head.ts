import { decimalOf } from '../decimal.ts'
import { token } from '../http-token.ts'

/** What a plain request says before its body. */
export interface RequestHead {
  method: string
  /** Path and query. */
  url: string
  /** By name in lower case. */
  headers: Record<string, string>
  bodyBytes: number
}

/** A longer body is read as a stream. */
export const mostBodyBytes = 64 * 1024

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const version = ' HTTP/1.1'
const target = /^\/[!-~]*$/
const beginnings = [...methods].map((method) => `${method} /`)
const bareLineFeed = /(?<!\r)\n/
/** They change how the rest is read, or what the connection is. */
const notPlain = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'trailer',
  'http2-settings',
  'proxy-connection',
  'set-cookie',
])

/**
 * Reads the head of a plain request, which is `text` up to `end`, without the empty line. A plain request is one that
 * nobody can read in two ways: HTTP/1.1, a path, one host, no header twice, a body of a told and moderate length or none,
 * a connection that stays what it is. Gives undefined for every other, right or wrong.
 */
export function readRequestHead(text: string, end: number): RequestHead | undefined {
  const methodEnd = text.indexOf(' ')
  const lineEnd = text.indexOf('\r\n')
  const urlEnd = lineEnd - version.length
  const method = text.slice(0, methodEnd)
  const url = text.slice(methodEnd + 1, urlEnd)
  if (!methods.has(method) || !target.test(url) || !text.startsWith(version, urlEnd)) return undefined
  const headers = readHeaders(text, lineEnd + 2, end)
  if (headers === undefined || headers.host === undefined) return undefined
  const { connection, 'content-length': told } = headers
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined
  if (told === undefined) return { method, url, headers, bodyBytes: 0 }
  const bodyBytes = decimalOf(told, 5)
  return bodyBytes === undefined || bodyBytes > mostBodyBytes ? undefined : { method, url, headers, bodyBytes }
}

/** Whether `text`, which is not the whole head yet, may become that of a plain request. */
export function mayBecomePlain(text: string): boolean {
  const isBegun = beginnings.some((beginning) => text.startsWith(beginning) || beginning.startsWith(text))
  return isBegun && !bareLineFeed.test(text)
}

const blank = 1
const inValue = 2
const inName = 4
/** What each byte may be: of a value only what everybody reads alike, printable ASCII and blanks. */
const kinds = Uint8Array.from({ length: 256 }, (_, code) => {
  const isBlank = code === 0x20 || code === 0x09
  const isPrintable = code > 0x20 && code < 0x7f
  const isName = token.test(String.fromCharCode(code))
  return (isBlank ? blank + inValue : 0) + (isPrintable ? inValue : 0) + (isName ? inName : 0)
})

/** Byte by byte, once, so that nothing is passed over. */
function readHeaders(text: string, from: number, end: number): Record<string, string> | undefined {
  const kindAt = (at: number) => (at < end ? kinds[text.charCodeAt(at)]! : 0)
  const headers: Record<string, string> = {}
  let at = from
  while (at < end) {
    const start = at
    while (kindAt(at) & inName) at += 1
    if (at === start || text.charCodeAt(at) !== 0x3a) return undefined
    const name = headerName(text.slice(start, at))
    // Also what every object has by itself is taken for a header that was there before.
    if (name === undefined || headers[name] !== undefined) return undefined
    do at += 1
    while (kindAt(at) & blank)
    const valueStart = at
    while (kindAt(at) & inValue) at += 1
    let valueEnd = at
    while (valueEnd > valueStart && kindAt(valueEnd - 1) & blank) valueEnd -= 1
    headers[name] = text.slice(valueStart, valueEnd)
    if (at < end && !text.startsWith('\r\n', at)) return undefined
    at += 2
  }
  return headers
}

/** Names as they are written → in lower case. Clients write the same few over and over. */
const known = new Map<string, string>()
const mostKnown = 500
const longestKnown = 64

function headerName(written: string): string | undefined {
  const found = known.get(written)
  if (found !== undefined) return found
  // A copy: what is cut out of a head keeps all of it.
  const own = Buffer.from(written, 'latin1').toString('latin1')
  const name = own.toLowerCase()
  if (notPlain.has(name)) return undefined
  if (known.size < mostKnown && own.length <= longestKnown) known.set(own, name)
  return name
}
