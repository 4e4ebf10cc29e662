/** The choice of an upstream over real HTTP: every fault of the simulator, and what it leaves behind. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { textOf } from '#contracts/index.ts'
import { AppError, type ErrorInfo } from '#errors/index.ts'
import { HttpClient } from '#lib/http-client/index.ts'
import { deriveKey } from '#lib/seal.ts'
import { openAiCompatible } from '#providers/openai-compatible/index.ts'
import type { ModelPart, ModelQuery, Timeouts } from '#providers/spec.ts'
import { freshDatabase, type TestDatabase } from '#test/support/databases.ts'
import { faults, type Upstream as Simulator, startUpstream } from '#test/support/upstream-simulator.ts'
import { drain, refusal, testClock } from './upstream-for-test.ts'
import { type Upstreams, upstreams } from './upstreams.ts'

const patient: Timeouts = { connectMs: 2_000, firstPartMs: 5_000, betweenPartsMs: 5_000, wholeMs: 5_000 }
/** For upstreams that are waited for in vain. Whoever fails in another way may take its time: a process's first TLS handshake takes long. */
const hasty: Timeouts = { connectMs: 150, firstPartMs: 150, betweenPartsMs: 150, wholeMs: 300 }
const query: ModelQuery = {
  model: 'sim-large',
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello there' }] }],
  sampling: {},
  tools: [],
  providerOptions: {},
  whole: false,
}

let store: TestDatabase
let bad: Simulator
let good: Simulator
let http: HttpClient
const made: Upstreams[] = []

beforeEach(async () => {
  ;[store, bad, good] = await Promise.all([freshDatabase('sqlite'), startUpstream(), startUpstream()])
  http = new HttpClient()
})

afterEach(async () => {
  await Promise.all(made.splice(0).map((one) => one.close()))
  http.close()
  await Promise.all([store.close(), bad.close(), good.close()])
})

function route(timeouts: Timeouts = patient) {
  const clock = testClock()
  const changes: string[] = []
  const one = upstreams({
    database: store.database,
    now: clock.now,
    secretKey: deriveKey('master', 'upstreams'),
    providers: { 'openai-compatible': openAiCompatible },
    http,
    timeouts,
    localOllama: false,
    onHealthChange: (name, previous, state) => changes.push(`${name}: ${previous} → ${state}`),
    wait: async (ms) => clock.pass(ms),
  })
  made.push(one)
  const retries: { error: ErrorInfo; upstream: string }[] = []
  const open = (change: Partial<ModelQuery> = {}, signal: AbortSignal = new AbortController().signal) =>
    one.openModel({ ...query, ...change }, { signal, onRetry: (error, upstream) => retries.push({ error, upstream }) })
  const add = (name: string, origin: string, priority: number) =>
    one.create({
      name,
      kind: 'openai-compatible',
      endpoint: `${origin}/v1`,
      secret: `sk-${name}-secret`,
      models: ['sim-large'],
      priority,
    })
  return { one, clock, changes, retries, open, add }
}

const said = (parts: ModelPart[]) => textOf(parts.filter((part) => part.type === 'text'))

describe('before the first part', () => {
  it.each(faults.filter(({ before }) => before).map((fault) => [fault.name, fault] as const))(
    '%s is passed over, and leaves nothing open',
    async (_, fault) => {
      const { one, open, add, retries } = route(fault.outcome === 'upstream-timeout' ? hasty : patient)
      const origin = await fault.arm(bad)
      await add('bad', origin, 1)
      await add('good', good.origin, 2)
      const opened = await open()
      expect(said(await drain(opened.parts))).toBe('You said: hello there')
      if (fault.outcome === 'ok') {
        expect(opened.upstream).toBe('bad')
        expect(retries).toEqual([])
        return
      }
      expect(opened.upstream).toBe('good')
      expect(retries).toMatchObject([{ error: { code: fault.outcome, details: { upstream: 'bad' } }, upstream: 'bad' }])
      expect(JSON.stringify(retries)).not.toContain('sk-bad-secret')
      expect(one.health()[0]).toMatchObject({ name: 'bad', lastError: fault.outcome })
      await bad.idle()
      expect(bad.openRequests).toBe(0)
    },
  )

  it('keeps the Retry-After of one upstream while another serves', async () => {
    const { open, add, clock, changes } = route()
    bad.script({ strike: { kind: 'status', status: 429, headers: { 'retry-after': '7' } } })
    await add('bad', bad.origin, 1)
    await add('good', good.origin, 2)
    for (let i = 0; i < 3; i++) await drain((await open()).parts)
    expect([bad.requests.length, good.requests.length]).toEqual([1, 3])
    clock.pass(7_000)
    await drain((await open()).parts)
    expect([bad.requests.length, good.requests.length]).toEqual([2, 3])
    expect(changes).toEqual(['bad: closed → open', 'bad: open → half-open', 'bad: half-open → closed'])
  })

  it('asks the only upstream once more when it had a bad moment', async () => {
    const { open, add, retries } = route()
    bad.script({ strike: { kind: 'status', status: 503 } })
    await add('bad', bad.origin, 1)
    expect(said(await drain((await open()).parts))).toBe('You said: hello there')
    expect(retries).toHaveLength(1)
    expect(bad.requests).toHaveLength(2)
  })

  it('does not retry what the upstream says of the request', async () => {
    const { open, add } = route()
    bad.script({ strike: { kind: 'status', status: 422 } })
    await add('bad', bad.origin, 1)
    await add('good', good.origin, 2)
    const error = await refusal(open())
    expect(error).toMatchObject({ code: 'upstream-rejected', details: { upstream: 'bad' } })
    expect(good.requests).toHaveLength(0)
  })

  it('stops asking an upstream that fails again and again, and comes back to it', async () => {
    const { one, open, add, clock } = route()
    bad.script(...Array.from({ length: 5 }, () => ({ strike: { kind: 'status' as const, status: 500 } })))
    await add('bad', bad.origin, 1)
    await add('good', good.origin, 2)
    for (let i = 0; i < 25; i++) await drain((await open()).parts)
    expect([bad.requests.length, good.requests.length]).toEqual([5, 25])
    expect(one.health()[0]).toMatchObject({ name: 'bad', state: 'open', failures: 5 })
    clock.pass(30_000)
    expect((await open()).upstream).toBe('bad')
  })

  it('closes the connection when the call is cancelled', async () => {
    const { one, open, add } = route()
    const held = bad.hold()
    await add('bad', bad.origin, 1)
    const controller = new AbortController()
    const opening = refusal(open({}, controller.signal))
    await held.request
    controller.abort()
    expect((await opening).code).toBe('cancelled')
    await held.aborted
    expect(one.health()[0]).toMatchObject({ state: 'closed', failures: 0 })
  })
})

describe('after the first part', () => {
  it.each(faults.filter(({ after }) => after).map((fault) => [fault.name, fault] as const))(
    '%s is the caller’s to hear, and the upstream’s to answer for',
    async (_, fault) => {
      const { one, open, add, retries } = route(fault.outcome === 'upstream-timeout' ? hasty : patient)
      const origin = await fault.arm(bad, { after: 2 })
      await add('bad', origin, 1)
      await add('good', good.origin, 2)
      const { parts } = await open()
      const seen: ModelPart[] = []
      const error = await drain(parts, seen).then(
        () => undefined,
        (thrown: AppError) => thrown,
      )
      expect(error).toBeInstanceOf(AppError)
      expect(error).toMatchObject({ code: fault.outcome, details: { upstream: 'bad' } })
      expect('You said: hello there'.startsWith(said(seen))).toBe(true)
      expect(said(seen)).not.toBe('')
      expect(seen.some(({ type }) => type === 'finish')).toBe(false)
      expect(retries).toEqual([])
      expect(one.health()[0]).toMatchObject({ failures: 1, lastError: fault.outcome })
      await bad.idle()
    },
  )

  it('hands on what comes as it comes', async () => {
    const { open, add } = route()
    const held = good.hold()
    await add('good', good.origin, 1)
    held.send('one')
    const { parts } = await open()
    const rest: ModelPart[] = []
    let texts = 0
    await parts.handTo((batch) => {
      rest.push(...batch)
      // Only when the one before has come is the next one sent.
      if (++texts === 1) held.send(' two')
      else if (texts === 2) held.finish()
      return undefined
    })
    expect(said(rest)).toBe('one two')
    expect(rest.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' })
  })
})

it('serves many at once, each its own answer, without leaving a connection busy', async () => {
  const { open, add } = route()
  good.respond((request) => ({ text: `for ${JSON.stringify(request.body).match(/caller \d+/)?.[0]}` }))
  await add('good', good.origin, 1)
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const parts = [{ type: 'text' as const, text: `caller ${index}` }]
      return said(await drain((await open({ messages: [{ role: 'user', parts }] })).parts))
    }),
  )
  expect(answers).toEqual(answers.map((_, index) => `for caller ${index}`))
  await good.idle()
})
