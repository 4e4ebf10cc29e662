import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { ask, type DoorName, doorNames, makeApp } from '#test/support/doors.ts'
import { wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { chunkText, postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

/** The line to the database, for the test to cut. */
interface Line {
  port: number
  /** Ends every connection and takes no new one. */
  cut(): Promise<void>
  mend(): Promise<void>
  /** Carries nothing, and ends nothing: as a machine that hangs. */
  hang(): void
  goOn(): void
  /** The next commit arrives; its answer does not, and the connection ends. */
  loseCommit(): void
}

async function openLine(to: number): Promise<Line> {
  const sockets = new Set<Socket>()
  let losing = false
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    near.on('data', (said) => {
      if (!losing || !said.includes('commit\0')) return
      losing = false
      far.unpipe(near)
      far.once('data', () => near.destroy()).resume()
    })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async cut() {
      server.close()
      for (const socket of sockets) socket.destroy()
      if (server.listening) await once(server, 'close')
    },
    async mend() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    hang() {
      for (const socket of sockets) socket.pause()
    },
    goOn() {
      for (const socket of sockets) socket.resume()
    },
    loseCommit() {
      losing = true
    },
  }
}

describe.skipIf(!databaseKinds.includes('postgres'))(
  'a PostgreSQL that is gone (needs PARLEY_TEST_DATABASE_URL)',
  () => {
    let upstream: Upstream
    let home: Home
    let parley: Awaited<ReturnType<typeof startParley>>
    let appId: string
    let line: Line

    beforeAll(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      home = await makeHome('postgres')
      const url = new URL(home.env.DATABASE_URL!)
      line = await openLine(Number(url.port))
      url.port = String(line.port)
      parley = await startParley({ home, upstreamUrl: upstream.url, env: { DATABASE_URL: url.toString() } })
      appId = await makeApp(parley, 'gpt-sim')
    })
    afterAll(async () => {
      await parley.close()
      expect(await wrongInBooks(home, { told: true })).toEqual([])
      await line.cut()
      await home.remove()
      await upstream.close()
    })

    const name = () => new URL(home.env.DATABASE_URL!).pathname.slice(1)

    async function terminate(): Promise<void> {
      const client = new pg.Client({ connectionString: process.env.PARLEY_TEST_DATABASE_URL! })
      await client.connect()
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name()}'`)
      await client.end()
    }

    const body = { model: 'gpt-sim', stream: true, messages: [{ role: 'user', content: 'Hello' }] }

    it('is refused with 503 in every door’s shape, and recovers by itself', async () => {
      const asked = { parley, model: 'gpt-sim', appId, content: 'Hello' }
      await line.cut()
      for (const door of doorNames.filter((name) => name !== 'chat-socket')) {
        const got = await ask(door, asked)
        expect(`${door} ${got.status}`).toBe(`${door} 503`)
        expect(got).toMatchObject({ text: '', completed: false, ends: 1 })
        const words: Partial<Record<DoorName, string>> = { app: 'error', kadal: 'SERVICE_UNAVAILABLE_ERROR' }
        expect(got.error!.code).toBe(words[door] ?? 'overloaded')
        expect(got.error!.message).not.toMatch(/postgres|parley_home|terminat|connect/i)
      }
      // Whose token cannot be looked up is not told that it is wrong.
      await expect(openChat(parley, 'refused')).rejects.toThrow('closed with 1013')
      const listed = await fetch(`${parley.url}/api/v1/chat/sessions`, { headers: parley.headers })
      expect(listed.status).toBe(503)
      expect((await fetch(`${parley.url}/health/liveness`)).status).toBe(200)
      expect((await fetch(`${parley.url}/health/readiness`)).status).toBe(503)

      await line.mend()
      for (const door of doorNames)
        expect(await ask(door, asked)).toMatchObject({ status: 200, text: 'You said: Hello', completed: true })
      expect((await fetch(`${parley.url}/health/readiness`)).status).toBe(200)
    })

    it('one that hangs is told of, too', async () => {
      line.hang()
      const answer = await fetch(`${parley.url}/health/readiness`)
      expect(answer.status).toBe(503)
      expect(await answer.json()).toMatchObject({ status: 'not_ready', reason: 'The database does not answer' })
      line.goOn()
      expect((await fetch(`${parley.url}/health/readiness`)).status).toBe(200)
    }, 15_000)

    it.each([
      ['whole', false],
      ['streamed', true],
    ])('what it committed and did not answer is written once: a turn that is %s', async (_, stream) => {
      line.loseCommit()
      const answer = await fetch(`${parley.url}/v1/chat/completions`, {
        method: 'POST',
        headers: parley.headers,
        body: JSON.stringify({ ...body, stream }),
      })
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringMatching(/"finish_reason":"stop"/)])
      const id = answer.headers.get('x-turn-id')
      const turn = await fetch(`${parley.url}/api/v1/turns/${id}`, { headers: parley.headers })
      expect(await turn.json()).toMatchObject({ data: { status: 'completed', text: 'You said: Hello' } })
      const metrics = await fetch(`${parley.url}/metrics`, { headers: parley.headers })
      expect(await metrics.text()).toContain('parley_turns_running 0\n')
    })

    it('a turn that ends meanwhile is settled when it is back', async () => {
      const reply = upstream.hold()
      const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body)
      reply.send('Still ')
      const stream = await asked
      await stream.until(({ data }) => data.includes('Still '))
      await line.cut()
      reply.send('here')
      reply.finish()
      const frames = await stream.all()
      expect(frames.at(-1)!.data).toContain('"code":"overloaded"')
      await line.mend()
      const turn = await until(async () => {
        const answer = await fetch(`${parley.url}/api/v1/turns/${stream.headers.get('x-turn-id')}`, {
          headers: parley.headers,
        })
        const { data } = (await answer.json()) as { data: { status: string; text: string } }
        return data.status !== 'running' && data
      })
      expect(turn).toMatchObject({ status: 'completed', text: 'Still here' })
    })

    it('lost connections under load: every answer is whole or a clean refusal', async () => {
      let kills = 0
      let over = false
      const killing = (async () => {
        while (!over) {
          await terminate()
          kills++
        }
      })()
      const clients = Array.from({ length: 8 }, async () => {
        for (let round = 0; round < 12; round++) {
          const stream = await postSse(`${parley.url}/v1/chat/completions`, parley.headers, body)
          if (stream.status === 200) {
            const frames = await stream.all()
            if (frames.at(-1)!.data !== '[DONE]') expect(frames.at(-1)!.data).toContain('"code":"overloaded"')
            else {
              expect(chunkText(frames)).toBe('You said: Hello')
            }
          } else {
            expect(stream.status).toBe(503)
            expect(await stream.body()).toMatchObject({ error: { code: 'overloaded' } })
          }
        }
      })
      await Promise.all(clients)
      over = true
      await killing
      expect(kills).toBeGreaterThan(0)
      // The pool finds out about its last dead connections by using them.
      await until(async () => (await ask('openai', { parley, model: 'gpt-sim', appId, content: 'After' })).completed)
      await until(() =>
        parley.parley.database.read
          .selectFrom('turns')
          .select('id')
          .where('status', '=', 'running')
          .execute()
          .then((rows) => rows.length === 0),
      )
    })
  },
)
