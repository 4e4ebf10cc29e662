import { describe, expect, it } from 'vitest'
import { AppError, type ErrorCode } from '#errors/index.ts'
import type { ModelPart } from '#providers/spec.ts'
import { drain, failure, finish, opener, query, refusal, testClock, testUpstream, text } from './upstream-for-test.ts'

/** Upstreams `a`, `b`, ... in that order of priority, all offering the model `m`. */
function some(count: number) {
  const clock = testClock()
  const upstreams = Array.from({ length: count }, (_, index) =>
    testUpstream({ name: String.fromCharCode(97 + index), models: ['m'], priority: index, id: index + 1 }, clock),
  )
  return { clock, upstreams, ...opener(upstreams, clock) }
}

const retried: ErrorCode[] = [
  'upstream-rate-limited',
  'upstream-overloaded',
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-malformed',
  'upstream-auth',
]
const final: ErrorCode[] = ['upstream-rejected', 'content-blocked', 'context-too-long', 'unsupported', 'internal']

describe('opening a model', () => {
  it('gives the first part back with the rest', async () => {
    const { upstreams, open, retries } = some(2)
    upstreams[0]!.provider.script([text('Hel'), text('lo')], [text(' you')], [finish])
    const opened = await open()
    expect(opened.upstream).toBe('a')
    expect(upstreams[0]!.provider.open).toBe(1)
    expect(await drain(opened.parts)).toEqual([text('Hel'), text('lo'), text(' you'), finish])
    expect(upstreams[0]!.provider.open).toBe(0)
    expect(retries).toEqual([])
  })

  it('hands the call on without copying what is large', async () => {
    const { upstreams, open } = some(1)
    upstreams[0]!.modelMap = new Map([['fast', 'm']])
    const signal = new AbortController().signal
    const tools = [{ name: 't', side: 'client' as const }]
    const mapped = testUpstream({ name: 'mapped', modelMap: { fast: 'own-name' }, models: ['x'] })
    const over = opener([mapped], testClock())
    await over.open({ model: 'fast', tools, toolChoice: 'auto', sampling: { temperature: 0 } }, signal)
    const [call] = mapped.provider.calls
    expect(call).toEqual({
      endpoint: mapped.endpoint,
      model: 'own-name',
      messages: query.messages,
      sampling: { temperature: 0 },
      tools,
      toolChoice: 'auto',
      options: {},
      whole: false,
    })
    expect(call?.messages).toBe(query.messages)
    expect(mapped.provider.ios[0]?.signal).toBe(signal)
    expect(mapped.provider.ios[0]?.timeouts.firstPartMs).toBe(2)
    await open()
  })

  it.each([
    ['openai-compatible', 'openai'],
    ['anthropic', 'anthropic'],
    ['google', 'google'],
  ])('gives a provider of kind %s only the options called %s', async (kind, slice) => {
    const upstream = testUpstream({ name: 'u', kind, models: ['m'] })
    const providerOptions = { openai: { a: 1 }, anthropic: { b: 2 }, google: { c: 3 } }
    await opener([upstream], testClock()).open({ providerOptions })
    expect(upstream.provider.calls[0]?.options).toBe(providerOptions[slice as 'openai'])
  })

  it('passes over batches with nothing in them', async () => {
    const { upstreams, open } = some(1)
    upstreams[0]!.provider.script([], [], [text('x')], [finish])
    expect(await drain((await open()).parts)).toEqual([text('x'), finish])
  })

  it('is not possible for a model that nobody offers', async () => {
    const { open } = some(1)
    const error = await refusal(open({ model: 'nope' }))
    expect(error).toMatchObject({ code: 'not-found', status: 404, details: { field: 'model' } })
    expect(error.message).toContain('"nope"')
  })

  it('never falls back to quoting when a real model was asked for', async () => {
    const clock = testClock()
    const real = testUpstream({ name: 'real', models: ['m'] }, clock)
    const builtin = testUpstream({ name: 'builtin', kind: 'builtin', models: ['extractive'], priority: 1_000 }, clock)
    const { open } = opener([real, builtin], clock)
    for (let i = 0; i < 4; i++) real.provider.script(failure('upstream-unreachable'))
    expect((await refusal(open())).code).toBe('upstream-unreachable')
    expect((await refusal(open({ model: 'auto' }))).code).toBe('upstream-unreachable')
    expect(builtin.provider.calls).toEqual([])
    expect((await open({ model: 'builtin/extractive' })).upstream).toBe('builtin')
    expect(builtin.provider.calls[0]?.model).toBe('extractive')
  })
})

describe('an upstream that fails before its first part', () => {
  it.each(retried)('with %s is passed over, and the next one is asked', async (code) => {
    const { upstreams, open, retries } = some(3)
    upstreams[0]!.provider.script(failure(code))
    upstreams[1]!.provider.script(failure(code))
    const opened = await open()
    expect(opened.upstream).toBe('c')
    expect(retries).toEqual([
      { code, upstream: 'a' },
      { code, upstream: 'b' },
    ])
    expect(upstreams.map(({ provider }) => provider.calls.length)).toEqual([1, 1, 1])
    expect(upstreams[0]!.breaker.circuit()).toMatchObject({ failures: 1, lastError: code })
  })

  it.each(final)('with %s ends the call', async (code) => {
    const { upstreams, open, retries } = some(2)
    upstreams[0]!.provider.script(failure(code))
    expect((await refusal(open())).code).toBe(code)
    expect(upstreams[1]!.provider.calls).toEqual([])
    expect(retries).toEqual([])
    expect(upstreams[0]!.breaker.circuit().failures).toBe(0)
  })

  it('by ending without a part is passed over too', async () => {
    const { upstreams, open, retries } = some(2)
    upstreams[0]!.provider.script([])
    expect((await open()).upstream).toBe('b')
    expect(retries).toEqual([{ code: 'upstream-malformed', upstream: 'a' }])
  })

  it('is named in the error, and its secret is not', async () => {
    const { upstreams, open } = some(1)
    const cause = new Error('secret of a')
    upstreams[0]!.provider.script(
      new AppError('upstream-rejected', 'The upstream refused', { cause, details: { upstreamStatus: 422 } }),
    )
    const error = await refusal(open())
    expect(error.details).toEqual({ upstreamStatus: 422, upstream: 'a' })
    expect(error.cause).toBe(cause)
    expect(JSON.stringify([error.message, error.details])).not.toContain('secret')
  })

  it('is asked for no more than four in all; the last error is thrown with its Retry-After', async () => {
    const { upstreams, open, retries } = some(6)
    for (const [index, upstream] of upstreams.entries())
      upstream.provider.script(failure('upstream-rate-limited', 1_000 * (index + 1)))
    const error = await refusal(open())
    expect(error).toMatchObject({ code: 'upstream-rate-limited', retryAfterMs: 4_000, details: { upstream: 'd' } })
    expect(retries.map(({ upstream }) => upstream)).toEqual(['a', 'b', 'c'])
    expect(upstreams.map(({ provider }) => provider.calls.length)).toEqual([1, 1, 1, 1, 0, 0])
  })

  it('turns a defect of a provider into `internal`', async () => {
    const { upstreams, open } = some(2)
    upstreams[0]!.provider.streamModel = () => {
      throw new TypeError('x is not a function')
    }
    expect((await refusal(open())).code).toBe('internal')
  })
})

describe('the only upstream of a model', () => {
  it.each(['upstream-overloaded', 'upstream-unreachable'] as const)('is asked once more after %s', async (code) => {
    const { upstreams, open, waits, retries } = some(1)
    upstreams[0]!.provider.script(failure(code))
    expect((await open()).upstream).toBe('a')
    expect(waits).toEqual([150])
    expect(retries).toEqual([{ code, upstream: 'a' }])
  })

  it('is asked twice at most', async () => {
    const { upstreams, open } = some(1)
    upstreams[0]!.provider.script(failure('upstream-overloaded'))
    upstreams[0]!.provider.script(failure('upstream-unreachable'))
    expect((await refusal(open())).code).toBe('upstream-unreachable')
    expect(upstreams[0]!.provider.calls).toHaveLength(2)
  })

  it.each(['upstream-timeout', 'upstream-malformed', 'upstream-auth', 'upstream-rate-limited'] as const)(
    'is not asked again after %s',
    async (code) => {
      const { upstreams, open, waits, retries } = some(1)
      upstreams[0]!.provider.script(failure(code))
      expect((await refusal(open())).code).toBe(code)
      expect([waits, retries]).toEqual([[], []])
    },
  )

  it.each(['upstream-rate-limited', 'upstream-overloaded'] as const)(
    'is asked again after its Retry-After when that is short (%s)',
    async (code) => {
      const { upstreams, open, waits } = some(1)
      upstreams[0]!.provider.script(failure(code, 2_000))
      expect((await open()).upstream).toBe('a')
      expect(waits).toEqual([2_027])
    },
  )

  it('is left alone for a longer Retry-After, also by the next calls', async () => {
    const { upstreams, open, waits, clock } = some(1)
    upstreams[0]!.provider.script(failure('upstream-rate-limited', 2_001))
    expect(await refusal(open())).toMatchObject({ code: 'upstream-rate-limited', retryAfterMs: 2_001 })
    expect(await refusal(open())).toMatchObject({
      code: 'upstream-overloaded',
      retryAfterMs: 2_001,
      details: { upstream: 'a' },
    })
    expect(upstreams[0]!.provider.calls).toHaveLength(1)
    expect(waits).toEqual([])
    clock.pass(2_001)
    expect((await open()).upstream).toBe('a')
  })

  it('gives up the wait when the call is cancelled', async () => {
    const { upstreams, clock } = some(1)
    const controller = new AbortController()
    const { open } = opener(upstreams, clock, () => {
      controller.abort()
      return 0.5
    })
    upstreams[0]!.provider.script(failure('upstream-overloaded'))
    expect((await refusal(open({}, controller.signal))).code).toBe('cancelled')
    expect(upstreams[0]!.provider.calls).toHaveLength(1)
  })

  it('is also the one that is left when the others’ circuits are open', async () => {
    const { upstreams, open, waits } = some(2)
    upstreams[0]!.breaker.failed(upstreams[0]!.breaker.admit()!, 'upstream-auth')
    upstreams[1]!.provider.script(failure('upstream-overloaded'))
    expect((await open()).upstream).toBe('b')
    expect(waits).toHaveLength(1)
  })
})

describe('an open circuit', () => {
  it('keeps its upstream from being asked, until a probe goes well', async () => {
    const { upstreams, open, clock } = some(2)
    const [a, b] = upstreams as [(typeof upstreams)[0], (typeof upstreams)[0]]
    for (let i = 0; i < 5; i++) a.provider.script(failure('upstream-overloaded'))
    for (let i = 0; i < 8; i++) expect((await open()).upstream).toBe('b')
    expect([a.provider.calls.length, b.provider.calls.length]).toEqual([5, 8])
    clock.pass(30_000)
    expect((await open()).upstream).toBe('a')
    expect((await open()).upstream).toBe('a')
  })

  it('of all upstreams says when to come back', async () => {
    const { upstreams, open, clock } = some(2)
    upstreams[0]!.breaker.failed(upstreams[0]!.breaker.admit()!, 'upstream-rate-limited', 9_000)
    upstreams[1]!.breaker.failed(upstreams[1]!.breaker.admit()!, 'upstream-auth')
    clock.pass(1_000)
    expect(await refusal(open())).toMatchObject({ code: 'upstream-overloaded', retryAfterMs: 8_000, details: {} })
  })

  it('lets one call probe while the others are refused', async () => {
    const { upstreams, open, clock } = some(1)
    const [a] = upstreams as [(typeof upstreams)[0]]
    a.breaker.failed(a.breaker.admit()!, 'upstream-auth')
    clock.pass(60_000)
    const gate = Promise.withResolvers<void>()
    a.provider.script(gate.promise, [text('back')], [finish])
    const probe = open()
    expect(await refusal(open())).toMatchObject({ code: 'upstream-overloaded', retryAfterMs: 1_000 })
    gate.resolve()
    await probe
    expect((await open()).upstream).toBe('a')
  })

  it('is not kept half-open by a probe that was cancelled', async () => {
    const { upstreams, open, clock } = some(1)
    const [a] = upstreams as [(typeof upstreams)[0]]
    a.breaker.failed(a.breaker.admit()!, 'upstream-auth')
    clock.pass(60_000)
    const controller = new AbortController()
    const gate = Promise.withResolvers<void>()
    a.provider.script(gate.promise, failure('upstream-unreachable'))
    const probe = refusal(open({}, controller.signal))
    controller.abort()
    gate.resolve()
    expect((await probe).code).toBe('cancelled')
    expect((await open()).upstream).toBe('a')
    expect(a.breaker.circuit().lastError).toBe('upstream-auth')
  })
})

describe('an answer under way', () => {
  it('counts against its upstream when it breaks, and is not retried here', async () => {
    const { upstreams, open } = some(2)
    upstreams[0]!.provider.script([text('Hel')], failure('upstream-unreachable'))
    const { parts } = await open()
    const seen: ModelPart[] = []
    const error = await refusal(drain(parts, seen))
    expect(seen).toEqual([text('Hel')])
    expect(error).toMatchObject({ code: 'upstream-unreachable', details: { upstream: 'a' } })
    expect(upstreams[0]!.breaker.circuit()).toMatchObject({ failures: 1, lastError: 'upstream-unreachable' })
    expect(upstreams[1]!.provider.calls).toEqual([])
  })

  it('opens the circuit when it breaks again and again', async () => {
    const { upstreams, open } = some(1)
    for (let i = 0; i < 5; i++) {
      upstreams[0]!.provider.script([text('x')], failure('upstream-timeout'))
      await refusal(drain((await open()).parts))
    }
    expect(upstreams[0]!.breaker.circuit().state).toBe('open')
  })

  it('that ends without saying how is malformed, never finished', async () => {
    const { upstreams, open } = some(1)
    upstreams[0]!.provider.script([text('x')])
    expect((await refusal(drain((await open()).parts))).code).toBe('upstream-malformed')
  })

  it('forgives earlier failures when it ends well, not when it begins', async () => {
    const { upstreams, open } = some(1)
    const [a] = upstreams as [(typeof upstreams)[0]]
    for (let i = 0; i < 3; i++) a.breaker.failed(a.breaker.admit()!, 'upstream-overloaded')
    const { parts } = await open()
    expect(a.breaker.circuit().failures).toBe(3)
    await drain(parts)
    expect(a.breaker.circuit().failures).toBe(0)
  })

  it('is not to blame for what its taker throws, and is let go', async () => {
    const { upstreams, open } = some(1)
    const own = new AppError('upstream-timeout', 'somebody else’s')
    for (const taker of [
      () => Promise.reject(own),
      () => {
        throw own
      },
    ])
      for (const batches of [[[text('x')], [text('y')], [finish]], [[text('x'), finish]]]) {
        upstreams[0]!.provider.script(...batches)
        const { parts } = await open()
        expect(await refusal(parts.handTo(taker))).toBe(own)
        expect(upstreams[0]!.provider.open).toBe(0)
      }
    expect(upstreams[0]!.breaker.circuit()).toMatchObject({ state: 'closed', failures: 0 })
  })

  it('is told of in the log, in the upstream’s own words, when it fails; when it is cancelled it is not', async () => {
    const { upstreams, open, logged } = some(2)
    const words = new Error('{"error":{"message":"stop must not be empty"}}')
    const refused = new AppError('upstream-rejected', 'refused', { cause: words })
    upstreams[0]!.provider.script(failure('upstream-overloaded'))
    upstreams[1]!.provider.script([text('x')], refused)
    await refusal(drain((await open()).parts))
    expect(logged).toMatchObject([
      { upstream: 'a', code: 'upstream-overloaded' },
      { upstream: 'b', code: 'upstream-rejected', err: words },
    ])
    const controller = new AbortController()
    upstreams[0]!.provider.script([text('x')], failure('cancelled'))
    const { parts } = await open({}, controller.signal)
    controller.abort()
    await refusal(drain(parts))
    expect(logged).toHaveLength(2)
  })

  it('says nothing about its upstream when it is cancelled or left', async () => {
    const { upstreams, open } = some(1)
    const controller = new AbortController()
    upstreams[0]!.provider.script([text('x')], failure('cancelled'))
    const cancelled = await open({}, controller.signal)
    controller.abort()
    expect((await refusal(drain(cancelled.parts))).code).toBe('cancelled')

    upstreams[0]!.provider.script([text('x')], [text('y')], [finish])
    const seen: ModelPart[] = []
    await (await open()).parts.handTo((batch) => {
      seen.push(...batch)
      return false
    })
    expect(seen).toEqual([text('x')])
    expect(upstreams[0]!.provider.open).toBe(0)
    expect(upstreams[0]!.breaker.circuit()).toMatchObject({ state: 'closed', failures: 0 })
  })
})
