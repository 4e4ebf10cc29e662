import { type ErrorCode, ParleyError, parleyError } from './errors.ts'
import type { Surroundings } from './surroundings.ts'
import type { Tokens } from './tokens.ts'

/** The application API. Both reject with a ParleyError. */
export interface Http {
  /** Gives `data` of the answer. */
  request<T>(method: string, path: string, body?: object): Promise<T>
  /** A successful answer, unread. */
  open(method: string, path: string, more?: Pick<RequestInit, 'body' | 'headers' | 'signal'>): Promise<Response>
}

/** The statuses of /api/v1 in the words of streams and sockets. */
const codes: Record<number, ErrorCode> = {
  400: 'invalid_request',
  401: 'auth_error',
  403: 'auth_error',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  422: 'invalid_request',
  429: 'rate_limit',
  502: 'provider_error',
  503: 'overloaded',
  504: 'timeout',
}

/** From the question to the whole answer; a connection whose other end is gone would else be waited for for minutes. */
const answerWithinMs = 30_000

export function http(url: string, { fetch, clock }: Surroundings, tokens: Tokens): Http {
  async function open(method: string, path: string, more: Parameters<Http['open']>[2] = {}): Promise<Response> {
    let token = await tokens.current()
    for (let isFresh = false; ; isFresh = true) {
      const headers = { ...more.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
      const response = await answerOf(fetch(url + path, { ...more, method, headers }))
      if (response.ok) return response
      if (response.status !== 401 || isFresh || token === undefined) throw await refusalOf(response)
      await response.body?.cancel()
      token = await tokens.fresh(token)
    }
  }

  return {
    open,
    async request<T>(method: string, path: string, body?: object) {
      const deadline = new AbortController()
      const timer = clock.setTimeout(() => deadline.abort(), answerWithinMs)
      try {
        const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
        const response = await open(method, path, { ...json, signal: deadline.signal })
        const answer = (await answerOf(response.json())) as { data: T }
        return answer.data
      } finally {
        clock.clearTimeout(timer)
      }
    },
  }
}

async function answerOf<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    throw parleyError('connection_failed', 'The server did not answer', thrown)
  }
}

async function refusalOf(response: Response): Promise<ParleyError> {
  const { status, headers } = response
  const body: unknown = await response.json().catch(() => undefined)
  const told = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : undefined
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return new ParleyError({
    code: codes[status] ?? 'internal',
    message: told ?? `The server answered with ${status}`,
    ...(Number.isFinite(seconds) && { retryAfterMs: seconds * 1000 }),
  })
}
