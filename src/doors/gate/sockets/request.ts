import type { IncomingMessage } from 'node:http'
import proxyAddr from '@fastify/proxy-addr'
import { readCredentials } from '../credentials.ts'
import { requestId } from '../gate.ts'
import type { SocketRequest } from './types.ts'

/** Whose X-Forwarded-* is believed: Fastify's setting of the same name. */
export type TrustProxy = boolean | string

/** The request of an upgrade → what is kept of it, so that nothing of the HTTP exchange lives as long as the socket. */
export function requestReader(trustProxy: TrustProxy) {
  const trusts = trustOf(trustProxy)

  function read(raw: IncomingMessage, params: Record<string, string>): SocketRequest {
    const query: SocketRequest['query'] = Object.fromEntries(new URLSearchParams(raw.url!.split('?', 2)[1] ?? ''))
    const credentials = readCredentials({ headers: raw.headers, method: 'GET' })
    let foreign = false
    if (credentials.cookie !== undefined && !isOwnPage(raw)) {
      foreign = true
      delete credentials.cookie
      delete credentials.csrfToken
      delete credentials.unsafeMethod
    }
    const request: SocketRequest = { id: requestId(raw), ip: addressOf(raw), params, query, credentials }
    if (credentials.bearer || credentials.apiKey || credentials.cookie) return request
    const given = query.token ?? query.api_key
    if (given?.startsWith('pat_')) request.appToken = given
    else if (given !== undefined) credentials.bearer = given
    else if (foreign) request.foreignCookie = true
    return request
  }

  function addressOf(raw: IncomingMessage): string {
    return (trusts ? proxyAddr(raw, trusts) : raw.socket.remoteAddress) ?? ''
  }

  /** A page of another site can open a socket with our cookie: only our own pages may. */
  function isOwnPage(raw: IncomingMessage): boolean {
    const { origin, host } = raw.headers
    if (origin === undefined) return false
    const from = URL.parse(origin)?.host
    return from !== undefined && (from === host || from === forwardedHost(raw))
  }

  function forwardedHost(raw: IncomingMessage): string | undefined {
    const given = raw.headers['x-forwarded-host']
    if (!trusts?.(raw.socket.remoteAddress ?? '', 0)) return undefined
    return String(given ?? '')
      .split(',')
      .at(-1)!
      .trim()
  }

  return { read, addressOf }
}

function trustOf(setting: TrustProxy): ((address: string, hop: number) => boolean) | undefined {
  if (setting === false) return undefined
  if (setting === true) return () => true
  return proxyAddr.compile(setting.split(',').map((address) => address.trim()))
}
