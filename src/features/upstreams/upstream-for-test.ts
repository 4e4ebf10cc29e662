/** Upstreams without a database, a provider that follows a script, and a clock that stands still: for the tests beside this. */
import { noUsage } from '#contracts/index.ts'
import { AppError, type ErrorCode } from '#errors/index.ts'
import type { Batches } from '#lib/batches.ts'
import { HttpClient } from '#lib/http-client/index.ts'
import type { ModelCall, ModelPart, ModelQuery, Provider, ProviderIo } from '#providers/spec.ts'
import { breaker } from './breaker.ts'
import { catalog } from './catalog.ts'
import { openModel } from './open-model.ts'
import type { Upstream } from './upstream.ts'

export interface TestClock {
  now(): number
  pass(ms: number): void
}

export function testClock(start = 1_700_000_000_000): TestClock {
  let time = start
  return {
    now: () => time,
    pass: (ms) => {
      time += ms
    },
  }
}

export const finish: ModelPart = { type: 'finish', finishReason: 'stop', usage: noUsage }
export const text = (content: string): ModelPart => ({ type: 'text', text: content })
export const failure = (code: ErrorCode, retryAfterMs?: number) =>
  new AppError(code, `failed: ${code}`, { ...(retryAfterMs !== undefined && { retryAfterMs }) })

/** What one call does: batches to hand out, an error to throw, or a promise to wait for in between. */
export type Step = ModelPart[] | AppError | Promise<void>

export interface ScriptedProvider extends Provider {
  calls: ModelCall[]
  ios: ProviderIo[]
  /** Calls begun and not ended. */
  open: number
  script(...steps: Step[]): void
}

/** Each call follows the next script; without one it answers `ok`. */
export function scriptedProvider(kind = 'openai-compatible'): ScriptedProvider {
  const scripts: Step[][] = []
  const provider: ScriptedProvider = {
    kind,
    calls: [],
    ios: [],
    open: 0,
    script: (...steps) => void scripts.push(steps),
    listModels: () => Promise.resolve([]),
    async *streamModel(call, io) {
      provider.calls.push(call)
      provider.ios.push(io)
      provider.open++
      try {
        for (const step of scripts.shift() ?? [[text('ok')], [finish]]) {
          if (step instanceof AppError) throw step
          if (Array.isArray(step)) yield step
          else await step
        }
      } finally {
        provider.open--
      }
    },
  }
  return provider
}

let nextId = 1

export function testUpstream(
  given: Omit<Partial<Upstream>, 'modelMap' | 'prices'> & {
    name: string
    modelMap?: Record<string, string>
    prices?: Record<string, { input: number; output: number }>
  },
  clock: TestClock = testClock(),
): Upstream & { provider: ScriptedProvider } {
  const kind = given.kind ?? 'openai-compatible'
  const id = given.id ?? nextId++
  return {
    id,
    kind,
    endpoint: { url: `http://${given.name}.test/v1`, secret: `secret of ${given.name}` },
    source: 'admin',
    models: [],
    pinned: false,
    unpriced: false,
    weight: 100,
    priority: 100,
    createdAt: clock.now(),
    breaker: breaker({ now: clock.now }),
    identity: String(id),
    ...given,
    provider: (given.provider as ScriptedProvider | undefined) ?? scriptedProvider(kind),
    modelMap: new Map(Object.entries(given.modelMap ?? {})),
    prices: new Map(Object.entries(given.prices ?? {})),
  }
}

export const query: ModelQuery = {
  model: 'm',
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }],
  sampling: {},
  tools: [],
  providerOptions: {},
  whole: false,
}

/** `openModel` over these upstreams. A wait is noted and passes at once, on the clock too. */
export function opener(upstreams: Upstream[], clock: TestClock, random: () => number = () => 0.5) {
  const waits: number[] = []
  const retries: { code: ErrorCode; upstream: string }[] = []
  const logged: object[] = []
  const names = catalog(upstreams)
  const opened = openModel({
    log: { info: () => undefined, warn: (fields) => void logged.push(fields) },
    offersFor: names.offersFor,
    random,
    http: new HttpClient(),
    timeouts: { connectMs: 1, firstPartMs: 2, betweenPartsMs: 3, wholeMs: 4 },
    async wait(ms, signal) {
      waits.push(ms)
      clock.pass(ms)
      if (signal.aborted) throw new Error('aborted')
    },
  })
  const open = (change: Partial<ModelQuery> = {}, signal: AbortSignal = new AbortController().signal) =>
    opened({ ...query, ...change }, { signal, onRetry: ({ code }, upstream) => void retries.push({ code, upstream }) })
  return { open, waits, retries, logged }
}

/** All parts of an answer; `seen` has them also when it breaks. */
export async function drain(parts: Batches<ModelPart>, seen: ModelPart[] = []): Promise<ModelPart[]> {
  await parts.handTo((batch) => {
    seen.push(...batch)
    return undefined
  })
  return seen
}

/** What a promise is rejected with; fails when it is not. */
export async function refusal(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}
