import { toAppError } from '#errors/index.ts'
import type { HttpClient } from '#lib/http-client/index.ts'
import type { Endpoint, Provider, Timeouts } from '#providers/spec.ts'
import type { Database } from '#store/index.ts'
import type { snapshot } from './snapshot.ts'
import { storeModels } from './store.ts'
import type { Upstream } from './upstream.ts'
import { isModelName } from './validate.ts'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ListModelsDeps {
  database: Database
  now(): number
  http: HttpClient
  current: ReturnType<typeof snapshot>
  /** Aborted when the process no longer wants answers. */
  closing: AbortSignal
  log?: Log
}

const timeouts: Timeouts = { connectMs: 5_000, firstPartMs: 15_000, betweenPartsMs: 15_000, wholeMs: 20_000 }
const mostModels = 2_000

/** Asks upstreams what they offer and keeps it; an upstream that cannot say keeps the list it had. Nothing here rejects. */
export function listModels(deps: ListModelsDeps) {
  const asked = new Set<string>()
  const running = new Map<string, Promise<void>>()

  function refresh(upstream: Upstream): Promise<void> {
    const already = running.get(upstream.identity)
    if (already) return already
    asked.add(upstream.identity)
    const task = ask(upstream)
      .catch((thrown: unknown) => {
        if (deps.closing.aborted) return
        const { code } = toAppError(thrown)
        deps.log?.warn({ upstream: upstream.name, code, err: thrown }, 'upstream did not list its models')
      })
      .finally(() => running.delete(upstream.identity))
    running.set(upstream.identity, task)
    return task
  }

  async function ask(upstream: Upstream): Promise<void> {
    const names = await fetchModels(upstream.provider, upstream.endpoint, deps, timeouts)
    if (deps.closing.aborted) return
    if (upstream.source === 'admin') return deps.current.setListed(upstream, names)
    await deps.database.write((tx) => storeModels(tx, upstream, names, deps.now()))
    await deps.current.reload()
  }

  /** An administrator's list stands, and the builtin one never changes. */
  function askable(): Upstream[] {
    return deps.current.upstreams().filter(({ kind, pinned }) => kind !== 'builtin' && !pinned)
  }

  return {
    refreshAll: async () => void (await Promise.all(askable().map(refresh))),
    /** Only those that were not asked before. */
    refreshNew: async () =>
      void (await Promise.all(
        askable()
          .filter(({ identity }) => !asked.has(identity))
          .map(refresh),
      )),
  }
}

/** The usable names an upstream lists, each once. Throws AppError. */
export async function fetchModels(
  provider: Provider,
  endpoint: Endpoint,
  { http, closing }: { http: HttpClient; closing: AbortSignal },
  limits: Timeouts,
): Promise<string[]> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(limits.wholeMs)])
  const names = await provider.listModels(endpoint, { signal, http, timeouts: limits })
  return [...new Set(names.filter(isModelName))].slice(0, mostModels)
}
