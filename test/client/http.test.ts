import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { connect, type Envelope } from '../../client/src/index.ts'
import { handClock } from './hand-clock.ts'
import { letTimePass, nextTick, untilText, useScene } from './scene.ts'

describe('the application API through the client', () => {
  const scene = useScene()

  it('makes, finds, lists and archives sessions', async () => {
    const { client } = scene.connect()
    const made = await client.sessions.create({ applicationId: scene.appId, title: 'Plans' })
    expect(made).toMatchObject({ title: 'Plans', status: 'active', application_id: scene.appId })
    expect(await client.sessions.get(made.id)).toEqual(made)
    await client.sessions.create({ applicationId: scene.appId })
    const filter = { applicationId: scene.appId, limit: 1, offset: 1 }
    expect((await client.sessions.list(filter)).map(({ id }) => id)).toEqual([made.id])
    expect((await client.sessions.archive(made.id)).status).toBe('archived')
    expect((await client.sessions.list({ status: 'archived' })).map(({ id }) => id)).toEqual([made.id])
  })

  it('looks at a turn and commands it', async () => {
    const held = scene.upstream.hold()
    held.send('Begun ')
    const { client, session: open } = scene.connect()
    const turn = open().send('Hello')
    await untilText(turn, 'Begun ')
    const access = client.turn(turn.id!)
    expect(await access.get()).toMatchObject({ id: turn.id, status: 'running', text: 'Begun ' })
    scene.upstream.script({ text: 'Turned', strike: { kind: 'stall' }, after: 1 })
    expect(await access.steer('Turn')).toBe('applied')
    await untilText(turn, 'Turned')
    expect(await access.toolResult('none', { any: 'thing' })).toBe('ignored')
    expect(await access.cancel('enough')).toBe('applied')
    expect((await turn.done).outcome).toBe('cancelled')
    expect(await access.cancel()).toBe('ended')
    expect(await access.get()).toMatchObject({ status: 'cancelled', text: turn.text, usage: turn.state.usage })
  })

  it('tells in its own words what is wrong', async () => {
    const { client } = scene.connect()
    await expect(client.turn(crypto.randomUUID()).get()).rejects.toMatchObject({
      name: 'ParleyError',
      code: 'not_found',
    })
    await expect(client.turn('none').get()).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(client.sessions.list({ limit: 1000 })).rejects.toMatchObject({ code: 'invalid_request' })
    const nobody = connect({ url: scene.parley.url })
    await expect(nobody.sessions.list()).rejects.toMatchObject({ code: 'auth_error' })
    const nowhere = connect({ url: await scene.upstream.closedOrigin(), token: 't' })
    await expect(nowhere.sessions.list()).rejects.toMatchObject({ code: 'connection_failed' })
    const strange = connect({ url: scene.parley.url, token: 't', fetch: async () => new Response('<html>') })
    await expect(strange.sessions.list()).rejects.toMatchObject({ code: 'connection_failed' })
    const busy = new Response('{"message":"Slow down"}', { status: 429, headers: { 'retry-after': '7' } })
    const limited = connect({ url: scene.parley.url, token: 't', fetch: async () => busy })
    await expect(limited.sessions.list()).rejects.toMatchObject({ code: 'rate_limit', retryAfterMs: 7000 })
    const session = client.session('a name without an app')
    await expect(session.messages()).rejects.toMatchObject({ code: 'invalid_request', field: 'applicationId' })
    session.close()
    expect(() => connect({ url: 'no url' })).toThrow(TypeError)
  })

  it('gives up on an answer that does not come, and keeps a path before its own', async () => {
    const clock = handClock()
    const asked: string[] = []
    const fetch: typeof globalThis.fetch = (url, init) => {
      asked.push(String(url))
      return new Promise((_, reject) => init!.signal!.addEventListener('abort', () => reject(new Error('aborted'))))
    }
    const client = connect({ url: 'https://example.org/parley/', token: 't', clock, fetch })
    const listed = client.sessions.list()
    while (asked.length === 0) await nextTick()
    clock.advance(30_000)
    await expect(listed).rejects.toMatchObject({ code: 'connection_failed' })
    expect(asked).toEqual(['https://example.org/parley/api/v1/chat/sessions?'])
    expect(clock.pending).toEqual([])
  })

  it('asks once for a fresh token when the one it has is refused', async () => {
    const asked: boolean[] = []
    const getToken = ({ fresh }: { fresh: boolean }) => {
      asked.push(fresh)
      return fresh ? scene.parley.key : 'parley_stale'
    }
    const client = connect({ url: scene.parley.url, getToken })
    await Promise.all([client.sessions.list(), client.sessions.list(), client.sessions.list()])
    expect(asked).toEqual([false, true])
    const hopeless = connect({ url: scene.parley.url, getToken: () => 'parley_stale' })
    await expect(hopeless.sessions.list()).rejects.toMatchObject({ code: 'auth_error' })
  })
})

describe('a turn’s log', () => {
  const scene = useScene()

  it('is read from its beginning, from a seq, and to its end', async () => {
    const { client, session: open } = scene.connect()
    const turn = open().send('Hello there')
    await turn.done
    const all = await collect(client.turn(turn.id!).events())
    expect([all[0]!.event.type, all.at(-1)!.event.type]).toEqual(['turn-start', 'turn-end'])
    const { seq } = all.at(-2)!
    expect(await collect(client.turn(turn.id!).events({ after: seq }))).toEqual([all.at(-1)])
    await expect(collect(client.turn(crypto.randomUUID()).events())).rejects.toMatchObject({ code: 'not_found' })
  })

  it('is left by leaving the loop, and by its signal', async () => {
    const held = scene.upstream.hold()
    held.send('Begun')
    const { client, session: open } = scene.connect()
    const turn = open().send('Hello')
    for await (const { event } of client.turn(turn.id ?? (await turn.started)).events())
      if (event.type === 'text-delta') break
    const controller = new AbortController()
    const reason = new Error('enough')
    const reading = (async () => {
      for await (const { event } of client.turn(turn.id!).events({ signal: controller.signal }))
        if (event.type === 'text-delta') controller.abort(reason)
    })()
    await expect(reading).rejects.toBe(reason)
    await expect(collect(client.turn(turn.id!).events({ signal: controller.signal }))).rejects.toBe(reason)
    held.finish()
    await turn.done
  })

  it('is complete whatever is dropped: every event once, in order', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ pieces: fc.nat(30), drop: fc.constantFrom('drop', 'stall', 'none'), bytes: fc.nat(3000) }),
          {
            minLength: 1,
            maxLength: 8,
          },
        ),
        async (steps) => {
          const held = scene.upstream.hold()
          const chat = await openChat(scene.parley, crypto.randomUUID())
          chat.send({ type: 'chat', content: 'Tell', application_id: scene.appId })
          const { turn_id: turnId } = await chat.until(({ type }) => type === 'response_start')
          const { client, clock } = scene.connect()
          const read: Envelope[] = []
          let written = ''
          const reading = (async () => {
            for await (const envelope of client.turn(String(turnId)).events()) read.push(envelope)
          })()
          for (const { pieces, drop, bytes } of steps) {
            for (let count = 0; count < pieces; count++) {
              const piece = `${written.length} `
              written += piece
              held.send(piece)
            }
            await nextTick()
            if (drop === 'drop') scene.proxy.drop(bytes)
            if (drop === 'stall') scene.proxy.stall(bytes)
          }
          held.finish()
          await chat.until(({ type }) => type === 'response_end')
          await letTimePass(scene, [clock], () => reading)
          chat.close()
          scene.proxy.heal()
          const seqs = read.map(({ seq }) => seq)
          expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
          expect(read.filter(({ event }) => /^turn/.test(event.type)).length).toBe(2)
          let text = ''
          for (const { event } of read) {
            if (event.type === 'text-delta') text += event.text
            if (event.type === 'part-reset') text = event.text
            expect(written.startsWith(text)).toBe(true)
          }
          expect(text).toBe(written)
        },
      ),
      { numRuns: 30, endOnFailure: true },
    ))
})

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const event of events) out.push(event)
  return out
}
