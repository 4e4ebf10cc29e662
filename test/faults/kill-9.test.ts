import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { lapseLeases, query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, type ParleyProcess, spawnParley, startParley } from '#test/support/parley.ts'
import { chunkText, eventText, openSse, postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const say = (content: string, more: object = {}) => ({
  model: 'gpt-sim',
  messages: [{ role: 'user', content }],
  ...more,
})

for (const kind of databaseKinds)
  describe(`kill -9 on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    const cleanUps: (() => Promise<unknown>)[] = []

    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
    })
    afterAll(() => upstream.close())
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })

    async function spawned(): Promise<ParleyProcess> {
      home = await makeHome(kind)
      cleanUps.push(home.remove)
      const parley = await spawnParley({ home, upstreamUrl: upstream.url })
      cleanUps.push(() => parley.stop('SIGKILL'))
      return parley
    }

    async function restarted() {
      await lapseLeases(home)
      const parley = await startParley({ home, upstreamUrl: upstream.url })
      let closing: Promise<void> | undefined
      const close = () => {
        closing ??= parley.close()
        return closing
      }
      cleanUps.push(close)
      return { ...parley, close }
    }

    const getJson = async (url: string, headers: Record<string, string>) => (await fetch(url, { headers })).json()

    it('keeps the text up to the checkpoint, settles once, and the conversation goes on', async () => {
      const first = await spawned()
      const session = { ...first.headers, 'x-session-id': 'a conversation' }
      const completions = (at: { url: string }) => `${at.url}/v1/chat/completions`
      const before = await postSse(completions(first), session, say('Remember the word apple', { stream: true }))
      await before.all()
      const made = (await (
        await fetch(`${first.url}/api/v1/api-keys`, {
          method: 'POST',
          headers: first.headers,
          body: JSON.stringify({ name: 'made before the crash' }),
        })
      ).json()) as { key: string }

      const reply = upstream.hold()
      const asked = postSse(completions(first), session, say('Count', { stream: true }))
      await reply.request
      reply.send('one ', 'two ')
      const stream = await asked
      const turnId = stream.headers.get('x-turn-id')!
      await stream.until(({ data }) => data.includes('two '))
      await until(async () =>
        (await query(home, 'select events from turn_checkpoints')).some(({ events }) =>
          String(events).includes('two '),
        ),
      )
      const watcher = await openSse(`${first.url}/api/v1/turns/${turnId}/events`, { headers: first.headers })
      reply.send(...Array.from({ length: 9 }, (_, index) => `${index} `))
      const last = await watcher.until(({ data }) => data.includes('8 '))
      const seen = eventText(watcher.frames)
      await first.stop('SIGKILL')
      await Promise.all([stream.untilGone(), watcher.untilGone(), reply.aborted])

      const second = await restarted()
      const { data: turn } = (await getJson(`${second.url}/api/v1/turns/${turnId}`, second.headers)) as {
        data: { status: string; text: string; usage: Record<string, unknown>; error: { code: string } }
      }
      expect(turn).toMatchObject({ status: 'interrupted', error: { code: 'interrupted' }, usage: { estimated: true } })
      expect(turn.text.startsWith('one two ')).toBe(true)
      expect('one two 0 1 2 3 4 5 6 7 8 '.startsWith(turn.text)).toBe(true)
      expect(turn.usage.prompt_tokens).toBeGreaterThan(0)
      expect(turn.usage.completion_tokens).toBeGreaterThan(0)

      // Whatever a client had seen, also what no longer is: what it shows comes out right.
      for (let after = 0; after <= Number(last.id) + 5; after++) {
        const resumed = await openSse(`${second.url}/api/v1/turns/${turnId}/events?after=${after}`, {
          headers: second.headers,
        })
        const frames = await resumed.all()
        const had = eventText(watcher.frames.filter(({ id }) => Number(id) <= after))
        expect(`${after}: ${eventText(frames, had)}`).toBe(`${after}: ${turn.text}`)
        expect(frames.filter(({ event }) => event === 'turn-end')).toHaveLength(1)
        expect(frames.at(-1)!.event).toBe('turn-end')
        if (after >= Number(last.id)) expect(frames[0]!.event).toBe('part-reset')
      }
      expect(seen.startsWith(turn.text)).toBe(true)

      const next = await postSse(
        completions(second),
        { ...session, authorization: `Bearer ${made.key}` },
        say('Go on', { stream: true }),
      )
      expect(chunkText(await next.all())).toBe('You said: Go on')
      const history = JSON.stringify(upstream.requests.at(-1)!.body.messages)
      expect(history).toContain('Remember the word apple')
      expect(history).toContain('You said: Remember the word apple')
      expect(history).toContain(turn.text.trimEnd())

      await second.close()
      expect(await wrongInBooks(home, { told: true })).toEqual([])
      const rows = await query(home, 'select status from turns order by id')
      expect(rows.map(({ status }) => status)).toEqual(['completed', 'interrupted', 'completed'])
    })

    it('closes a turn whose model had not begun to answer', async () => {
      const first = await spawned()
      const reply = upstream.hold()
      const asked = fetch(`${first.url}/v1/chat/completions`, {
        method: 'POST',
        headers: first.headers,
        body: JSON.stringify(say('Hello?')),
      }).catch(() => 'gone')
      await reply.request
      await until(async () => (await query(home, 'select id from turns')).length === 1)
      await first.stop('SIGKILL')
      expect(await asked).toBe('gone')

      const second = await restarted()
      await second.close()
      expect(await query(home, 'select status, output_tokens, estimated from turns')).toEqual([
        { status: 'interrupted', output_tokens: 0, estimated: 1 },
      ])
      expect(await wrongInBooks(home, { told: true })).toEqual([])
    })

    it('has on disk what it said was finished', async () => {
      const first = await spawned()
      const stream = await postSse(
        `${first.url}/v1/chat/completions`,
        first.headers,
        say('Say it', { stream: true, stream_options: { include_usage: true } }),
      )
      await stream.until(({ data }) => data === '[DONE]')
      await first.stop('SIGKILL')

      const second = await restarted()
      const { data: turn } = (await getJson(
        `${second.url}/api/v1/turns/${stream.headers.get('x-turn-id')}`,
        second.headers,
      )) as { data: { status: string; text: string; usage: { estimated: boolean; completion_tokens: number } } }
      expect(turn).toMatchObject({ status: 'completed', text: 'You said: Say it', usage: { estimated: false } })
      const told = stream.frames.find(({ data }) => data.includes('"usage":{'))!
      expect(JSON.parse(told.data).usage.completion_tokens).toBe(turn.usage.completion_tokens)
      await second.close()
      // The job that tells the hourly usage outlived the process that queued it, and was run once.
      expect(await wrongInBooks(home, { told: true })).toEqual([])
    })

    it('loses nothing it acknowledged, wherever it is killed', async () => {
      home = await makeHome(kind)
      cleanUps.push(home.remove)
      const acknowledged: string[] = []
      for (const killAfter of [1, 9, 17, 34]) {
        const parley = await spawnParley({ home, upstreamUrl: upstream.url })
        let answered = 0
        const clients = Array.from({ length: 8 }, async (_, client) => {
          for (let round = 0; ; round++) {
            const keyed: Record<string, string> =
              round % 2 === 0 ? { 'idempotency-key': `${killAfter}-${client}-${round}` } : {}
            try {
              const stream = await postSse(
                `${parley.url}/v1/chat/completions`,
                { ...parley.headers, ...keyed },
                say(`${client} ${round}`, { stream: true }),
              )
              await stream.until(({ data }) => data === '[DONE]')
              acknowledged.push(stream.headers.get('x-turn-id')!)
            } catch {
              // Killed in the middle of it: nobody promised this one anything.
              return
            }
            if (++answered === killAfter) parley.child.kill('SIGKILL')
          }
        })
        await Promise.all(clients)
        expect(await parley.stop('SIGKILL')).toBe('SIGKILL')
      }

      const last = await restarted()
      await last.close()
      const completed = await query(home, `select public_id from turns where status = 'completed'`)
      const stored = new Set(completed.map(({ public_id: id }) => id))
      expect(acknowledged.length).toBeGreaterThanOrEqual(61)
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
      expect(await query(home, `select id from turns where status not in ('completed', 'interrupted')`)).toEqual([])
      expect(await wrongInBooks(home, { told: true })).toEqual([])
    })
  })
