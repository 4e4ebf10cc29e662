import { createLocalJWKSet, errors, type JWTHeaderParameters, type LocalJWKSet } from 'jose'
import { AppError } from '#errors/index.ts'

export interface KeySetDeps {
  /** Set by the operator; no token ever names where keys are fetched. */
  url: string
  now(): number
  log: { warn(fields: object, message: string): void }
}

/** Gives the key that a token's header names. Throws AppError `overloaded` when the keys are not to be had. */
export type KeyFor = (header: JWTHeaderParameters) => ReturnType<LocalJWKSet>

const freshMs = 10 * 60_000
/** Without an answer from the provider known keys go on for so long: one that was withdrawn must not count for ever. */
const keptMs = 24 * 3_600_000
const askAgainMs = { succeeded: 30_000, failed: 5_000 }
const timeoutMs = 5_000
const mostBytes = 256 * 1024
const mostKeys = 100

/**
 * The public keys of an identity provider. Fetched when one is needed and again after ten minutes; also when a token names
 * an unknown key, but not more often than twice a minute, so that nobody makes us ask by inventing names. Whoever asks
 * while a fetch is under way waits for it. A fetch that fails leaves the keys as they were.
 */
export function keySet(deps: KeySetDeps): KeyFor {
  let keys: LocalJWKSet | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let failed = false
  let fetching: Promise<void> | undefined

  async function keyFor(header: JWTHeaderParameters) {
    if (!isWithin(fetchedAt, freshMs)) await refresh()
    if (!keys || !isWithin(fetchedAt, keptMs)) throw unreachable()
    try {
      return await keys(header)
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown
      await refresh()
      // The key may be a new one that we could not hear of: that is not for the token to answer.
      if (failed) throw unreachable()
      return keys(header)
    }
  }

  function refresh(): Promise<void> {
    if (fetching) return fetching
    if (isWithin(triedAt, failed ? askAgainMs.failed : askAgainMs.succeeded)) return Promise.resolve()
    triedAt = deps.now()
    fetching = fetchKeys(deps)
      .then((found) => {
        keys = found
        fetchedAt = deps.now()
        failed = false
      })
      .catch((err: unknown) => {
        failed = true
        deps.log.warn({ err }, 'the keys of the identity provider could not be fetched')
      })
      .finally(() => {
        fetching = undefined
      })
    return fetching
  }

  /** A clock that was set back says nothing of how long ago it was. */
  function isWithin(at: number, ms: number): boolean {
    const ago = deps.now() - at
    return ago >= 0 && ago < ms
  }

  return keyFor
}

/** Redirects are not followed: an answer that is not the key set itself is a failure. */
async function fetchKeys({ url }: KeySetDeps): Promise<LocalJWKSet> {
  // Most servers have no identity provider, and need nothing of undici.
  const { request } = await import('undici')
  const signal = AbortSignal.timeout(timeoutMs)
  const headers = { accept: 'application/json, application/jwk-set+json' }
  const { statusCode, body } = await request(url, { signal, headers })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > mostBytes) throw new Error(`the key set is larger than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  if (statusCode !== 200) throw new Error(`the key set was answered with ${statusCode}`)
  const found = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const set = createLocalJWKSet(found)
  if (set.jwks().keys.length > mostKeys) throw new Error(`the key set has more than ${mostKeys} keys`)
  return set
}

function unreachable(): AppError {
  return new AppError('overloaded', 'The identity provider cannot be reached now', { retryAfterMs: askAgainMs.failed })
}
