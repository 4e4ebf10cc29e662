import type { IncomingHttpHeaders } from 'node:http'
import { AppError, type ErrorCode } from '#errors/index.ts'
import { classifyStatus } from './classify-status.ts'
import { retryAfterMs } from './retry-after.ts'

export interface UpstreamFailure {
  /** Absent for an error told inside a 200 stream. */
  status?: number
  /** What the vendor's typed field says it is, if that is known; otherwise the status decides. */
  code?: ErrorCode
  /** The vendor's typed field. */
  vendorCode?: string | undefined
  headers?: IncomingHttpHeaders
  retryAfterMs?: number | undefined
  /** The upstream's own words; they go into `cause` only. */
  body: string
  /** Taken out of `body`: upstreams like to quote a wrong key. */
  secret: string | undefined
  details?: Record<string, unknown>
}

/** Characters of the upstream's own words that are kept for the log. */
const causeLimit = 2_000

const sentences: Partial<Record<ErrorCode, string>> = {
  'upstream-auth': 'The upstream refused this server’s credential',
  'upstream-rate-limited': 'The upstream says too many requests',
  'upstream-timeout': 'The upstream did not answer in time',
  'upstream-overloaded': 'The upstream failed or is overloaded',
  'upstream-rejected': 'The upstream refused the request',
  'context-too-long': 'The conversation does not fit into the model’s context window',
  'content-blocked': 'The upstream’s filter refused the content',
}

/** An upstream's refusal → AppError. The message is ours; status and typed code stand in it, the upstream's words do not. */
export function upstreamError(failure: UpstreamFailure): AppError {
  const { status, headers } = failure
  const said = failure.code ?? (status === undefined ? 'upstream-overloaded' : classifyStatus(status))
  const code = said === 'upstream-rejected' && saysTooLong(failure.body) ? 'context-too-long' : said
  // A typed code is a word. What is not might be anything, also a key.
  const vendorCode = /^[A-Za-z][\w.-]{0,63}$/.test(failure.vendorCode ?? '') ? failure.vendorCode : undefined
  const told = [status === undefined ? undefined : `status ${status}`, vendorCode].filter((word) => word !== undefined)
  const sentence = sentences[code] ?? 'The upstream failed'
  const body = failure.secret ? failure.body.replaceAll(failure.secret, '[secret]') : failure.body
  const retry = failure.retryAfterMs ?? retryHeader(headers)
  return new AppError(code, told.length === 0 ? sentence : `${sentence} (${told.join(', ')})`, {
    details: {
      ...(status !== undefined && { upstreamStatus: status }),
      ...(status === 402 && { exhausted: true }),
      ...(vendorCode !== undefined && { upstreamCode: vendorCode }),
      ...failure.details,
    },
    ...(retry !== undefined && { retryAfterMs: retry }),
    cause: new Error(body.slice(0, causeLimit)),
  })
}

/**
 * Of a conversation that is too long most upstreams tell in words only (Anthropic, Google, vLLM and what is built on
 * it, Mistral), and people must hear of it: they can do something about it. Only of a request that was refused as such.
 */
const tooLong = new RegExp(
  [
    'prompt is too long',
    'exceeds? context limit',
    'input token count \\S+ exceeds the maximum number of tokens',
    'maximum context length (?:is|of) ',
    '\\d+ maximum context length',
  ].join('|'),
  'i',
)

function saysTooLong(body: string): boolean {
  return tooLong.test(body)
}

function retryHeader(headers: IncomingHttpHeaders | undefined): number | undefined {
  const exact = Number(headers?.['retry-after-ms'])
  if (Number.isFinite(exact) && exact >= 0) return Math.round(exact)
  return retryAfterMs(headers?.['retry-after'], Date.now())
}
