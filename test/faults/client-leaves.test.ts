import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { chunkText, eventText, openSse, postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

interface TurnAnswer {
  status: string
  text: string
  usage: { completion_tokens: number; estimated: boolean }
}

for (const kind of databaseKinds)
  describe(`a client that leaves in the middle, on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    let parley: Awaited<ReturnType<typeof startParley>>

    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      home = await makeHome(kind)
      parley = await startParley({ home, upstreamUrl: upstream.url, overrides: { turns: { leaveGraceMs: 300 } } })
    })
    afterAll(async () => {
      await parley.close()
      expect(await wrongInBooks(home, { told: true })).toEqual([])
      await home.remove()
      await upstream.close()
    })

    const body = { model: 'gpt-sim', stream: true, messages: [{ role: 'user', content: 'Tell me' }] }
    const turnsUrl = (id: string) => `${parley.url}/api/v1/turns/${id}`
    const look = async (id: string) =>
      ((await (await fetch(turnsUrl(id), { headers: parley.headers })).json()) as { data: TurnAnswer }).data
    const ended = (id: string) => until(async () => ((await look(id)).status === 'running' ? undefined : look(id)))

    /** A stream whose client left after the first word. */
    async function left(path: string, more: Record<string, string> = {}) {
      const reply = upstream.hold()
      const asked = postSse(`${parley.url}${path}`, { ...parley.headers, ...more }, body)
      reply.send('One ')
      const stream = await asked
      await stream.until(({ data }) => data.includes('One '))
      return { reply, stream, turnId: stream.headers.get('x-turn-id')! }
    }

    async function appPath(): Promise<string> {
      const response = await fetch(`${parley.url}/api/v1/applications`, { headers: parley.headers })
      const text = await response.text()
      const [id] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text)!
      return `/api/v1/chat/${id}/chat/completions`
    }

    it('app door: the turn goes on to its end and can be read again', async () => {
      const { reply, stream, turnId } = await left(await appPath())
      const watcher = await openSse(`${turnsUrl(turnId)}/events`, { headers: parley.headers })
      const seen = await watcher.until(({ data }) => data.includes('One '))
      stream.leave()
      watcher.leave()
      reply.send('two ', 'three')
      reply.finish()
      expect(await ended(turnId)).toMatchObject({
        status: 'completed',
        text: 'One two three',
        usage: { estimated: false },
      })
      expect((await reply.request).isAborted).toBe(false)

      const again = await openSse(`${turnsUrl(turnId)}/events?after=${seen.id}`, { headers: parley.headers })
      expect(eventText(await again.all(), 'One ')).toBe('One two three')
    })

    it('app door: who comes back while it runs misses nothing', async () => {
      const { reply, stream, turnId } = await left(await appPath())
      stream.leave()
      reply.send('two ')
      const again = await openSse(`${turnsUrl(turnId)}/events`, {
        headers: { ...parley.headers, 'last-event-id': '0' },
      })
      reply.send('three')
      reply.finish()
      expect(eventText(await again.all())).toBe('One two three')
    })

    it('/v1: cancelled after the grace period, and so is the upstream', async () => {
      const { reply, stream, turnId } = await left('/v1/chat/completions')
      stream.leave()
      await reply.aborted
      expect(await ended(turnId)).toMatchObject({ status: 'cancelled', text: 'One ', usage: { estimated: true } })
      const [row] = await query(home, `select input_tokens, output_tokens from turns where public_id = '${turnId}'`)
      expect(row!.input_tokens).toBeGreaterThan(0)
      expect(row!.output_tokens).toBeGreaterThan(0)
    })

    it('/v1, not streamed: cancelled as well', async () => {
      const reply = upstream.hold()
      const controller = new AbortController()
      const asked = fetch(`${parley.url}/v1/chat/completions`, {
        method: 'POST',
        headers: parley.headers,
        body: JSON.stringify({ ...body, stream: false }),
        signal: controller.signal,
      }).catch(() => 'left')
      await reply.request
      controller.abort()
      expect(await asked).toBe('left')
      await reply.aborted
      const rows = await until(async () => {
        const found = await query(home, 'select status from turns order by id desc limit 1')
        return found[0]!.status === 'running' ? undefined : found
      })
      expect(rows).toEqual([{ status: 'cancelled' }])
    })

    it('/v1: a reader who comes within the grace period keeps it alive', async () => {
      const { reply, stream, turnId } = await left('/v1/chat/completions')
      stream.leave()
      const again = await openSse(`${turnsUrl(turnId)}/events`, { headers: parley.headers })
      await again.until(({ data }) => data.includes('One '))
      // Another one, who leaves after its whole grace period, proves that the time of this one is over too.
      const other = await left('/v1/chat/completions')
      other.stream.leave()
      await other.reply.aborted
      reply.send('two')
      reply.finish()
      expect(eventText(await again.all())).toBe('One two')
      expect(await look(turnId)).toMatchObject({ status: 'completed', usage: { estimated: false } })
    })

    it('/v1 with a session or a key: goes on, because somebody can come back', async () => {
      const names: Record<string, string>[] = [{ 'x-session-id': 'mine' }, { 'idempotency-key': 'once' }]
      for (const named of names) {
        const { reply, stream, turnId } = await left('/v1/chat/completions', named)
        stream.leave()
        const other = await left('/v1/chat/completions')
        other.stream.leave()
        await other.reply.aborted
        reply.send('two')
        reply.finish()
        expect(await ended(turnId)).toMatchObject({ status: 'completed', text: 'One two' })
        if (!('idempotency-key' in named)) continue
        const asked = upstream.requests.length
        const replay = await postSse(`${parley.url}/v1/chat/completions`, { ...parley.headers, ...named }, body)
        expect(chunkText(await replay.all())).toBe('One two')
        expect(replay.headers.get('x-turn-id')).toBe(turnId)
        expect(upstream.requests).toHaveLength(asked)
      }
    })
  })
