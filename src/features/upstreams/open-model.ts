import { AppError, type ErrorCode, errorInfo, toAppError } from '#errors/index.ts'
import type { CancelSignal } from '#lib/cancellation.ts'
import type { HttpClient } from '#lib/http-client/index.ts'
import type { ModelCall, ModelQuery, OpenedModel, OpenModel, ProviderIo, Timeouts } from '#providers/spec.ts'
import type { Permit } from './breaker.ts'
import { type Offer, unknownModel } from './catalog.ts'
import type { Log } from './list-models.ts'
import { observeParts } from './observe-parts.ts'
import { inOrder } from './order.ts'
import type { Upstream } from './upstream.ts'

export interface OpenModelDeps {
  offersFor(model: string): readonly Offer[]
  random(): number
  http: HttpClient
  timeouts: Timeouts
  /** Resolves after `ms`; rejects at once when the signal aborts. */
  wait(ms: number, signal: CancelSignal): Promise<unknown>
  /** Where an operator reads what upstreams have to say when they fail: callers are not told. */
  log?: Log
}

const maxAttempts = 4
const backoffMs = 300
/** Added to a Retry-After, so that all who were told the same do not come back at once. */
const spreadMs = 50
const longestWaitMs = 2_000

/** What one upstream says of itself and another may do better. The rest is said of the request. */
const passedOver = new Set<ErrorCode>([
  'upstream-rate-limited',
  'upstream-overloaded',
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-malformed',
  'upstream-auth',
])

/** What each kind calls its slice of the provider options. */
const optionsOf: Record<string, string> = { 'openai-compatible': 'openai' }

/**
 * Opens a model call on the first upstream, in order, that gives a first part. At most four attempts; an upstream whose
 * circuit is open is not asked. When only one could be asked and it had a bad moment (5xx, no connection, or a
 * Retry-After of at most two seconds), it is asked once more. `onRetry` hears of a failure when another attempt follows it;
 * the last one is thrown.
 */
export function openModel(deps: OpenModelDeps): OpenModel {
  return async (query, { signal, onRetry }) => {
    const offers = deps.offersFor(query.model)
    if (offers.length === 0) throw unknownModel(query.model)
    let attempts = 0
    let last: { error: AppError; offer: Offer } | undefined
    for (const offer of inOrder(offers, deps.random)) {
      if (attempts === maxAttempts) break
      const permit = offer.upstream.breaker.admit()
      if (permit === undefined) continue
      if (last) onRetry(errorInfo(last.error), last.offer.upstream.name)
      attempts++
      const result = await begin(offer, permit, query, signal, deps)
      if (!(result instanceof AppError)) return result
      if (!passedOver.has(result.code)) throw result
      last = { error: result, offer }
    }
    if (!last) throw allOpen(offers)

    const { error, offer } = last
    const pauseMs = attempts === 1 ? pauseBefore(error, deps.random) : undefined
    if (pauseMs === undefined) throw error
    await deps.wait(pauseMs, signal).catch((cause: unknown) => {
      throw cancelled(cause)
    })
    const permit = offer.upstream.breaker.admit()
    if (permit === undefined) throw error
    onRetry(errorInfo(error), offer.upstream.name)
    const result = await begin(offer, permit, query, signal, deps)
    if (result instanceof AppError) throw result
    return result
  }
}

/** Waits for the first part. Gives the failure back instead of throwing it. */
async function begin(
  offer: Offer,
  permit: Permit,
  query: ModelQuery,
  signal: CancelSignal,
  deps: OpenModelDeps,
): Promise<OpenedModel | AppError> {
  const { upstream, price } = offer
  const io: ProviderIo = { signal, http: deps.http, timeouts: deps.timeouts }
  try {
    const rest = upstream.provider.streamModel(callOf(query, offer), io)
    let first = await rest.next()
    while (!first.done && first.value.length === 0) first = await rest.next()
    if (first.done) throw new AppError('upstream-malformed', 'The upstream’s answer has nothing in it')
    upstream.breaker.answered(permit)
    const parts = observeParts(first.value, rest, {
      finished: () => upstream.breaker.succeeded(permit),
      failed: (thrown) => blame(upstream, permit, thrown, signal, deps.log),
    })
    return { upstream: upstream.name, price, parts, toldInput: () => rest.toldInput }
  } catch (thrown) {
    return blame(upstream, permit, thrown, signal, deps.log)
  }
}

function callOf(query: ModelQuery, { upstream, model }: Offer): ModelCall {
  return {
    endpoint: upstream.endpoint,
    model,
    messages: query.messages,
    sampling: query.sampling,
    tools: query.tools,
    toolChoice: query.toolChoice,
    parallelToolCalls: query.parallelToolCalls,
    responseFormat: query.responseFormat,
    options: query.providerOptions[optionsOf[upstream.kind] ?? upstream.kind] ?? {},
    whole: query.whole,
  }
}

/** Tells the breaker and the log, and names the upstream in the error. */
function blame(
  upstream: Upstream,
  permit: Permit,
  thrown: unknown,
  signal: CancelSignal,
  log: Log | undefined,
): AppError {
  const error = signal.aborted ? cancelled(thrown) : toAppError(thrown)
  const { code, retryAfterMs } = error
  if (code !== 'cancelled') log?.warn({ upstream: upstream.name, code, err: error.cause ?? error }, error.message)
  if (passedOver.has(code)) upstream.breaker.failed(permit, code, retryAfterMs)
  else if (code === 'cancelled' || code === 'internal') upstream.breaker.released(permit)
  else upstream.breaker.answered(permit)
  if (code === 'cancelled' || code === 'internal' || error.details?.upstream !== undefined) return error
  return new AppError(code, error.message, {
    details: { ...error.details, upstream: upstream.name },
    cause: error.cause,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** How long to wait before the only upstream is asked again; undefined: not at all. */
function pauseBefore({ code, retryAfterMs }: AppError, random: () => number): number | undefined {
  const momentary = code === 'upstream-overloaded' || code === 'upstream-unreachable'
  if (retryAfterMs === undefined || retryAfterMs === 0) return momentary ? Math.ceil(random() * backoffMs) : undefined
  const worthIt = (momentary || code === 'upstream-rate-limited') && retryAfterMs <= longestWaitMs
  // Timers may run a little before the clock that the circuit reads.
  return worthIt ? retryAfterMs + 2 + Math.ceil(random() * spreadMs) : undefined
}

function allOpen(offers: readonly Offer[]): AppError {
  const waits = offers.map(({ upstream }) => upstream.breaker.waitMs())
  const [only] = offers
  return new AppError('upstream-overloaded', 'No upstream of this model can be asked now', {
    details: offers.length === 1 ? { upstream: only!.upstream.name } : {},
    retryAfterMs: Math.max(1_000, Math.min(...waits)),
  })
}

function cancelled(cause: unknown): AppError {
  return cause instanceof AppError && cause.code === 'cancelled'
    ? cause
    : new AppError('cancelled', 'The model call was cancelled', { cause })
}
