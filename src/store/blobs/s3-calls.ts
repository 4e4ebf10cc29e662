import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { type Dispatcher, request } from 'undici'
import { AppError } from '#errors/index.ts'
import type { S3Settings } from './open-blobs.ts'

type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
type Headers = Dispatcher.ResponseData['headers']

interface Call {
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Buffer
  /** A 404 is an answer, not a failure. */
  mayBeAbsent?: boolean
  /** What stands in the answer when the work is done: its status may come before that, and a failure only in its body. */
  expects?: string
}

/** A storage that is away for longer is told of as away: after so many tries, and none begins after so long. */
const tries = 4
const triedForMs = 30_000
const firstWaitMs = 100
const answerTimeoutMs = 60_000
const silenceTimeoutMs = 60_000

/** Signed calls of the S3 protocol. All throw `overloaded` when the storage is away, busy or failing. */
export function s3Calls(settings: S3Settings, now: () => number) {
  const { accessKeyId, secretAccessKey, region } = settings
  const base = `${settings.endpoint}/${settings.bucket}`
  const keyCache = new Map<string, ArrayBuffer>()

  function signer(method: Method, url: URL, more: { headers?: Record<string, string>; signQuery?: boolean }) {
    // A day's signing key is enough; yesterday's is never asked for again.
    if (keyCache.size > 1) keyCache.clear()
    const datetime = new Date(now()).toISOString().replace(/[:-]|\.\d{3}/g, '')
    const credentials = { accessKeyId, secretAccessKey, region, service: 's3', cache: keyCache, datetime }
    // Everything a request says of its body is signed, its content type too.
    return new AwsV4Signer({ method, url: url.toString(), ...credentials, ...more, allHeaders: true })
  }

  function urlOf(key: string, query: Record<string, string> = {}): URL {
    const url = new URL(key === '' ? base : `${base}/${key}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }

  async function attempt(method: Method, key: string, call: Call): Promise<Dispatcher.ResponseData> {
    // Off the event loop, which a part would hold for some ten milliseconds.
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', call.body ?? Buffer.alloc(0)))
    const headers = { ...call.headers, 'x-amz-content-sha256': hash.toString('hex') }
    const signed = await signer(method, urlOf(key, call.query), { headers }).sign()
    return request(signed.url, {
      method,
      headers: Object.fromEntries(signed.headers),
      headersTimeout: answerTimeoutMs,
      bodyTimeout: silenceTimeoutMs,
      ...(call.body && { body: call.body }),
    })
  }

  /** What `read` makes of an answer that is worth having, or the failure after the last try. */
  async function persistently<T>(
    method: Method,
    key: string,
    call: Call,
    read: (answer: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    const end = performance.now() + triedForMs
    for (let tried = 1; ; tried++) {
      let failure: AppError
      try {
        const answer = await attempt(method, key, call)
        const { statusCode } = answer
        if (statusCode < 300 || statusCode === 416 || (statusCode === 404 && call.mayBeAbsent))
          return await read(answer)
        failure = refusal(method, statusCode, await answer.body.text())
      } catch (cause) {
        failure = cause instanceof AppError ? cause : away(cause)
      }
      if (!failure.retryable || tried === tries || performance.now() > end) throw failure
      await wait(firstWaitMs * 2 ** tried * Math.random())
    }
  }

  /** The whole answer. */
  function send(method: Method, key: string, call: Call = {}) {
    return persistently(method, key, call, async ({ statusCode: status, headers, body }) => {
      const text = await body.text()
      if (call.expects !== undefined && !text.includes(call.expects)) throw misunderstood(method, text)
      return { status, headers, text }
    })
  }

  /** An object as it comes. */
  async function open(
    key: string,
    headers: Record<string, string>,
  ): Promise<{ headers: Headers; body: Readable } | 'out-of-range' | undefined> {
    const call = { headers, mayBeAbsent: true }
    const { statusCode, headers: answered, body } = await persistently('GET', key, call, async (answer) => answer)
    // A reader that leaves in the middle destroys the stream, of which it then wants to hear nothing more.
    body.on('error', () => undefined)
    if (statusCode < 300) return { headers: answered, body }
    await body.dump()
    return statusCode === 404 ? undefined : 'out-of-range'
  }

  async function presign(key: string, query: Record<string, string>): Promise<string> {
    const { url } = await signer('GET', urlOf(key, query), { signQuery: true }).sign()
    return url.toString()
  }

  return { send, open, presign }
}

function away(cause: unknown): AppError {
  return new AppError('overloaded', 'The storage for blobs does not answer now', { cause })
}

/** What S3 says with a status of ours although the same request may go well the next time. */
const passing = /<Code>(RequestTimeout|OperationAborted)<\/Code>/

/** What is our mistake or the operator's becomes `internal`: nobody who asks can do anything about it. */
function refusal(method: Method, status: number, text: string): AppError {
  const cause = new Error(`S3 answered ${method} with ${status}: ${text.slice(0, 500)}`)
  if (status >= 500 || status === 429 || status === 408 || passing.test(text)) return away(cause)
  return new AppError('internal', 'Internal server error', { cause })
}

function misunderstood(method: Method, text: string): AppError {
  return new AppError('overloaded', 'The storage for blobs failed', {
    cause: new Error(`S3 answered ${method} with: ${text.slice(0, 500)}`),
  })
}
