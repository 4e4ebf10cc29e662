import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { postSse } from '#test/support/sse-client.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const many = 20

for (const kind of databaseKinds)
  describe(`the same POST again and again, on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    let parley: Awaited<ReturnType<typeof startParley>>
    let appPath: string

    async function start() {
      parley = await startParley({ home, upstreamUrl: upstream.url })
      const response = await fetch(`${parley.url}/api/v1/applications`, { headers: parley.headers })
      const [id] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(await response.text())!
      appPath = `/api/v1/chat/${id}/chat/completions`
    }

    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      home = await makeHome(kind)
      await start()
    })
    afterAll(async () => {
      await parley.close()
      await home.remove()
      await upstream.close()
    })

    interface Said {
      status: number
      turnId: string | null
      body: string
    }

    async function post(path: string, key: string, stream: boolean, content = 'Only once'): Promise<Said> {
      const headers = { ...parley.headers, 'idempotency-key': key }
      const body = { model: 'gpt-sim', stream, messages: [{ role: 'user', content }] }
      if (stream) {
        const answer = await postSse(`${parley.url}${path}`, headers, body)
        const frames = await answer.all()
        // How the deltas were cut may differ between a live reader and a late one; what they come to may not.
        const text = frames.map(({ data }) => /"content":"((?:[^"\\]|\\.)*)"/.exec(data)?.[1] ?? '').join('')
        const end = frames.at(-1)?.data
        return { status: answer.status, turnId: answer.headers.get('x-turn-id'), body: `${text} ${end}` }
      }
      const answer = await fetch(`${parley.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      return { status: answer.status, turnId: answer.headers.get('x-turn-id'), body: await answer.text() }
    }

    /** One turn, one request to the upstream, one charge, one answer. */
    async function expectOne(answers: Said[], key: string, asked: number): Promise<void> {
      expect([...new Set(answers.map((answer) => JSON.stringify(answer)))]).toHaveLength(1)
      expect(answers[0]).toMatchObject({ status: 200, body: expect.stringContaining('You said: Only once') })
      expect(upstream.requests.length - asked).toBe(1)
      expect(
        await query(
          home,
          `select status from turns where id in (select turn_id from idempotency_keys where key = '${key}')`,
        ),
      ).toEqual([{ status: 'completed' }])
    }

    for (const door of ['/v1', 'the app door'])
      for (const stream of [true, false]) {
        const key = `${door} ${stream}`
        const path = () => (door === '/v1' ? '/v1/chat/completions' : appPath)

        it(`${door}, ${stream ? 'streamed' : 'whole'}: at once, one after the other, and after a restart`, async () => {
          const asked = upstream.requests.length
          const turns = (await query(home, 'select count(*) as n from turns'))[0]!.n as number
          const answers = await Promise.all(Array.from({ length: many }, () => post(path(), key, stream)))
          for (let round = 0; round < 3; round++) answers.push(await post(path(), key, stream))
          await parley.close()
          await start()
          answers.push(await post(path(), key, stream))
          await expectOne(answers, key, asked)
          expect((await query(home, 'select count(*) as n from turns'))[0]!.n).toBe(turns + 1)
        })
      }

    it('while the first still runs: those who come later join it', async () => {
      const asked = upstream.requests.length
      const reply = upstream.hold()
      const first = post('/v1/chat/completions', 'joined', true)
      await reply.request
      reply.send('You said: ')
      // Each of them comes at another moment of the first one's life.
      const later: Promise<Said>[] = []
      for (let index = 0; index < many; index++) {
        later.push(post('/v1/chat/completions', 'joined', true))
        if (index % 5 === 0) await parley.parley.database.write(() => undefined)
      }
      reply.send('Only once')
      reply.finish()
      await expectOne([await first, ...(await Promise.all(later))], 'joined', asked)
    })

    it('refuses the key for another request, and runs nothing', async () => {
      await post('/v1/chat/completions', 'taken', true)
      const asked = upstream.requests.length
      const other = await post('/v1/chat/completions', 'taken', true, 'Something else')
      expect(other.status).toBe(409)
      expect(upstream.requests).toHaveLength(asked)
    })

    it('keeps the books', async () => {
      await parley.close()
      expect(await wrongInBooks(home, { told: true })).toEqual([])
      await start()
    })
  })
