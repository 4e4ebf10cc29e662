import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { AppError } from '#errors/index.ts'

export interface OutboundRequest {
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  body?: string
  /** For everything, from looking up the name to the last byte that is read. */
  timeoutMs: number
  /** So much of the answer's body is read; the connection is closed at what goes beyond. */
  answerBytes: number
  signal?: AbortSignal
}

export interface OutboundAnswer {
  status: number
  headers: IncomingHttpHeaders
  /** Its beginning. */
  body: Buffer
}

/** Sends a request and reads its answer. An answer that has a status is one, whatever becomes of its body. */
export function send(dispatcher: Dispatcher, request: OutboundRequest): Promise<OutboundAnswer> {
  const { method, headers, timeoutMs, answerBytes, signal } = request
  return new Promise((resolve, reject) => {
    const url = new URL(request.url)
    const chunks: Buffer[] = []
    let head: Pick<OutboundAnswer, 'status' | 'headers'> | undefined
    let size = 0
    let controller: Dispatcher.DispatchController | undefined
    let isOver = false

    function end(failure: AppError): void {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      if (head) resolve({ ...head, body: Buffer.concat(chunks).subarray(0, answerBytes) })
      else reject(failure)
      controller?.abort(failure)
    }
    const onAbort = () => {
      // Who asks for this does not want an answer any more.
      head = undefined
      end(new AppError('cancelled', 'It was given up'))
    }
    const timer = setTimeout(() => end(tooLate()), timeoutMs)
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })

    dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { 'accept-encoding': 'identity', ...headers },
        body: request.body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      {
        onRequestStart(given) {
          controller = given
          if (isOver) given.abort(tooLate())
        },
        onResponseStart(_, status, answered) {
          if (status >= 200) head ??= { status, headers: answered }
        },
        onResponseData(_, chunk) {
          chunks.push(chunk)
          size += chunk.length
          if (size >= answerBytes) end(tooLate())
        },
        onResponseEnd: () => end(tooLate()),
        onResponseError: (_, error) => end(failureOf(error)),
      },
    )
  })
}

function tooLate(): AppError {
  return new AppError('upstream-timeout', 'No answer in time')
}

/** What went wrong below HTTP, in our words. */
function failureOf(thrown: Error): AppError {
  const inner = thrown instanceof AggregateError ? (thrown.errors[0] as Error) : thrown
  if (inner instanceof AppError) return inner
  const code = String((inner as { code?: unknown }).code ?? '')
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return tooLate()
  if (/^HPE_|^UND_ERR_(HEADERS_OVERFLOW|RES_)/.test(code))
    return new AppError('upstream-malformed', 'The answer is not HTTP', { cause: thrown })
  return new AppError('upstream-unreachable', reasonOf(code), { cause: thrown })
}

function reasonOf(code: string): string {
  if (/^(ENOTFOUND|EAI_)/.test(code)) return 'The name cannot be resolved'
  if (code === 'ECONNREFUSED') return 'The connection was refused'
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_/.test(code)) return 'TLS failed'
  if (/ECONNRESET|EPIPE|UND_ERR_SOCKET/.test(code)) return 'The connection was closed'
  return 'No connection'
}
