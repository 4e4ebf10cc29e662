import { token } from '../http-token.ts'
import { HttpFault } from './fault.ts'

export interface HttpRequestText {
  method: 'GET' | 'POST'
  /** What follows the host: path and query. */
  path: string
  /** By lower-case name. `host` may be given. */
  headers: Record<string, string>
  body?: string | undefined
}

/** These are the connection's own; one that is given would say something else than what is done. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What cannot be written into a header: control characters, and what is no byte. */
const unwritable = /[^\t\x20-\x7e\x80-\xff]/

/** The head of a request whose body has `bodyBytes`, to be written byte for byte (latin1). Throws HttpFault `UNSENDABLE`. */
export function headText({ method, path, headers, body }: HttpRequestText, host: string, bodyBytes: number): string {
  let text = `${method} ${path} HTTP/1.1\r\nconnection: keep-alive\r\n`
  if (headers.host === undefined) text += `host: ${host}\r\n`
  for (const name in headers) {
    const value = headers[name]!
    if (!isName(name) || unwritable.test(value))
      throw new HttpFault('UNSENDABLE', `The header '${name}' cannot be sent`)
    text += `${name}: ${value}\r\n`
  }
  if (body !== undefined) text += `content-length: ${bodyBytes}\r\n`
  return `${text}\r\n`
}

/** Names are few and the same again and again. */
const knownNames = new Set<string>()

function isName(name: string): boolean {
  if (knownNames.has(name)) return true
  if (!token.test(name) || ownHeaders.has(name.toLowerCase())) return false
  if (knownNames.size < 1_000) knownNames.add(name)
  return true
}
