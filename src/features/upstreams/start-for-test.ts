/** `upstreams` on a database, with providers that list what the test says, a clock that stands still, and no network. */
import { afterEach } from 'vitest'
import { AppError } from '#errors/index.ts'
import { HttpClient } from '#lib/http-client/index.ts'
import { deriveKey } from '#lib/seal.ts'
import type { Endpoint, Provider } from '#providers/spec.ts'
import { type DatabaseKind, freshDatabase, type TestDatabase } from '#test/support/databases.ts'
import { scriptedProvider, testClock } from './upstream-for-test.ts'
import { type Upstreams, type UpstreamsDeps, upstreams } from './upstreams.ts'
import type { UpstreamInput } from './validate.ts'

export const input: UpstreamInput = {
  name: 'groq',
  kind: 'openai-compatible',
  endpoint: 'https://api.groq.com/openai/v1',
  secret: 'gsk_0123456789abcdefghij',
}

export const names = (made: Upstreams) => made.models().map(({ id }) => id)

/** For the tests of the surrounding `describe`; what they make is closed after each. */
export function startUp(kind: DatabaseKind) {
  const cleanUps: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function fresh(): Promise<TestDatabase> {
    const made = await freshDatabase(kind)
    cleanUps.push(made.close)
    return made
  }

  /** `lists` by endpoint URL: names, or what asking for them throws. */
  function start(
    database: UpstreamsDeps['database'],
    options: Partial<UpstreamsDeps> & { lists?: Record<string, string[] | AppError> } = {},
  ) {
    const clock = testClock()
    const lists = options.lists ?? {}
    const asked: Endpoint[] = []
    const warnings: string[] = []
    const provider = (kind: string): Provider => ({
      ...scriptedProvider(kind),
      async listModels(endpoint) {
        asked.push(endpoint)
        const list = lists[endpoint.url] ?? new AppError('upstream-unreachable', 'nobody there')
        if (list instanceof AppError) throw list
        return list
      },
    })
    const made = upstreams({
      database,
      now: clock.now,
      secretKey: deriveKey('master', 'upstreams'),
      providers: Object.fromEntries(
        ['builtin', 'openai-compatible', 'anthropic', 'google'].map((name) => [name, provider(name)]),
      ),
      http: new HttpClient(),
      localOllama: false,
      log: { info: () => undefined, warn: (_, message) => void warnings.push(message) },
      ...options,
    })
    cleanUps.push(made.close)
    return { made, clock, lists, asked, warnings }
  }

  return { fresh, start, cleanUps }
}
