import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, ask } from '#test/support/doors.ts'
import { wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

/** Two upstreams offer what nobody lists: `openai` is asked first, `ollama` second. */
describe('an upstream that fails again and again', () => {
  let first: Upstream
  let second: Upstream
  let home: Home
  let parley: Awaited<ReturnType<typeof startParley>>
  const clock = { ahead: 0 }

  beforeAll(async () => {
    first = await startUpstream()
    second = await startUpstream()
    first.models = []
    second.models = []
    second.respond({ text: 'from the second' })
    home = await makeHome()
    parley = await startParley({
      home,
      upstreamUrl: first.url,
      env: { OLLAMA_HOST: second.origin },
      overrides: { now: () => Date.now() + clock.ahead },
    })
  })
  afterAll(async () => {
    await parley.close()
    expect(await wrongInBooks(home, { told: true })).toEqual([])
    await home.remove()
    await first.close()
    await second.close()
  })

  const say = (): Promise<Answer> => ask('openai', { parley, model: 'some-model', appId: '', content: 'Hello' })

  it('is out after five of 25 straight 500s, and nobody notices', async () => {
    first.respond({ strike: { kind: 'status', status: 500 } })
    for (let index = 0; index < 25; index++)
      expect(await say()).toMatchObject({ status: 200, text: 'from the second', completed: true })
    expect(first.requests).toHaveLength(5)
    expect(second.requests).toHaveLength(25)
  })

  it('stays out when the probe fails, and is asked once a half minute, not more', async () => {
    clock.ahead += 31_000
    for (const _ of [1, 2, 3]) expect((await say()).text).toBe('from the second')
    expect(first.requests).toHaveLength(6)
  })

  it('is probed by one call at a time, and comes back with its first good answer', async () => {
    clock.ahead += 31_000
    const probe = first.hold()
    const probing = say()
    await probe.request
    expect((await say()).text).toBe('from the second')
    expect(first.requests).toHaveLength(7)
    probe.send('back again')
    probe.finish()
    expect(await probing).toMatchObject({ text: 'back again', completed: true })
    first.respond({ text: 'from the first' })
    for (const _ of [1, 2, 3]) expect((await say()).text).toBe('from the first')
  })

  it('says 503 when every upstream is out, with a Retry-After, and asks none of them', async () => {
    first.respond({ strike: { kind: 'status', status: 500 } })
    second.respond({ strike: { kind: 'status', status: 503 } })
    for (let index = 0; index < 8; index++) expect((await say()).status).toBe(503)
    const asked = first.requests.length + second.requests.length
    const refused = await say()
    expect(refused).toMatchObject({ status: 503, error: { code: 'upstream_overloaded' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(first.requests.length + second.requests.length).toBe(asked)
    clock.ahead += 31_000
    first.respond({ text: 'well again' })
    expect((await say()).text).toBe('well again')
  })

  it('a Retry-After is kept to, also an hour of it, and then forgiven', async () => {
    second.respond({ text: 'from the second' })
    first.respond({ strike: { kind: 'status', status: 429, headers: { 'retry-after': '600' } } })
    expect((await say()).text).toBe('from the second')
    const asked = first.requests.length
    clock.ahead += 599_000
    expect((await say()).text).toBe('from the second')
    expect(first.requests).toHaveLength(asked)
    clock.ahead += 2_000
    first.respond({ text: 'rested' })
    expect((await say()).text).toBe('rested')
  })
})
