import { AppError } from '#errors/index.ts'
import type { HttpClient } from '#lib/http-client/index.ts'
import type { Moderate, Timeouts } from '#providers/spec.ts'
import type { Upstream } from './upstream.ts'

const timeouts: Timeouts = { connectMs: 5_000, firstPartMs: 15_000, betweenPartsMs: 15_000, wholeMs: 15_000 }

/**
 * Asks the moderation endpoint of one upstream; the caller's signal says how long. It is not a model's: how it fares says
 * nothing of the circuit that models share.
 */
export function moderate(deps: { upstreams(): readonly Upstream[]; http: HttpClient }): Moderate {
  return ({ upstream: name, model, texts }, signal) => {
    const upstream = find(deps.upstreams(), name)
    if (!upstream?.provider.moderate)
      throw new AppError('not-found', `There is no upstream ${JSON.stringify(name)} with a moderation endpoint`)
    const call = { endpoint: upstream.endpoint, texts, ...(model !== undefined && { model }) }
    return upstream.provider.moderate(call, { signal, http: deps.http, timeouts })
  }
}

export function canModerate(upstreams: readonly Upstream[], name: string): boolean {
  return find(upstreams, name)?.provider.moderate !== undefined
}

function find(upstreams: readonly Upstream[], name: string): Upstream | undefined {
  return upstreams.find((upstream) => upstream.name === name)
}
