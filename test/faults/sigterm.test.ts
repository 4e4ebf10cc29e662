import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ChatClient, openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { makeApp } from '#test/support/doors.ts'
import { query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, type ParleyProcess, spawnParley } from '#test/support/parley.ts'
import { chunkText, postSse, type SseClient } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { type HeldReply, startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const streams = 48
const finished = (content: string) => Number(content) % 3 === 0

for (const kind of databaseKinds)
  describe(`SIGTERM on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    let parley: ParleyProcess

    beforeEach(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      home = await makeHome(kind)
      parley = await spawnParley({ home, upstreamUrl: upstream.url, env: { PARLEY_STOP_GRACE_MS: '1500' } })
    })
    afterEach(async () => {
      await parley.stop('SIGKILL')
      await home.remove()
      await upstream.close()
    })

    const body = (content: string) => ({ model: 'gpt-sim', stream: true, messages: [{ role: 'user', content }] })

    /** Whether a new request is taken. */
    async function accepts(): Promise<boolean> {
      try {
        const answer = await fetch(`${parley.url}/v1/models`, { headers: parley.headers })
        await answer.text()
        return answer.status !== 503
      } catch {
        return false
      }
    }

    /** Fifty turns that run, each with its first word shown. */
    async function fifty() {
      const appId = await makeApp(parley, 'gpt-sim')
      const replies = new Map<string, HeldReply>()
      const held = Array.from({ length: streams + 2 }, () => upstream.hold())
      const paths = ['/v1/chat/completions', `/api/v1/chat/${appId}/chat/completions`]
      const opened = Array.from({ length: streams }, (_, index) =>
        postSse(`${parley.url}${paths[index % 2]}`, parley.headers, body(String(index))),
      )
      const sockets = [await openChat(parley, 'one'), await openChat(parley, 'two')]
      for (const [index, socket] of sockets.entries())
        socket.send({ type: 'chat', application_id: appId, content: String(streams + index) })
      for (const reply of held) {
        replies.set((await reply.request).lastUserText, reply)
        reply.send('First ')
      }
      const clients = await Promise.all(opened)
      await Promise.all([
        ...clients.map((client) => client.until(({ data }) => data.includes('First '))),
        ...sockets.map((socket) => socket.until(({ type }) => type === 'text-delta')),
      ])
      return { replies, clients, sockets }
    }

    it('leaves with 0 also where turns may take longer than ten seconds, and one does', {
      timeout: 40_000,
    }, async () => {
      await parley.stop('SIGKILL')
      parley = await spawnParley({ home, upstreamUrl: upstream.url, env: { PARLEY_STOP_GRACE_MS: '10500' } })
      const reply = upstream.hold()
      const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body('long'))
      reply.send('First ')
      const client = await asked
      await client.until(({ data }) => data.includes('First '))
      const began = performance.now()
      expect(await parley.stop('SIGTERM')).toBe(0)
      expect(performance.now() - began).toBeGreaterThan(10_500)
      expect((await client.all()).at(-1)!.data).toContain('"code":"interrupted"')
      expect(await wrongInBooks(home, { told: true })).toEqual([])
    })

    it('lets turns end for a while, ends the rest as interrupted, and leaves with 0', async () => {
      const { replies, clients, sockets } = await fifty()
      const gone = parley.stop('SIGTERM')
      await until(async () => !(await accepts()))
      for (const [content, reply] of replies)
        if (finished(content)) {
          reply.send('last')
          reply.finish()
        }
      await Promise.all(clients.map((client, index) => expectEnd(client, index)))
      await Promise.all(sockets.map((socket, index) => expectSocketEnd(socket, streams + index)))
      expect(await gone).toBe(0)
      for (const [content, reply] of replies) expect((await reply.request).isAborted).toBe(!finished(content))

      const counts = await query(home, 'select status, count(*) as n from turns group by status order by status')
      expect(counts).toEqual([
        { status: 'completed', n: 17 },
        { status: 'interrupted', n: 33 },
      ])
      const [texts] = await query(home, `select count(*) as n from turn_outputs where parts like '%"First %'`)
      expect(texts!.n).toBe(50)
      expect(await query(home, 'select id from processes')).toEqual([])
      expect(await wrongInBooks(home, { told: true })).toEqual([])
    })

    async function expectEnd(client: SseClient, index: number): Promise<void> {
      const frames = await client.all()
      const app = index % 2 === 1
      if (finished(String(index))) {
        expect(chunkText(frames)).toBe('First last')
        expect(frames.at(-1)!.data).toBe('[DONE]')
        return
      }
      expect(frames.filter(({ data }) => /"finish_reason":"/.test(data))).toEqual([])
      const errors = frames.filter(({ event, data }) => event === 'error' || data.startsWith('{"error"'))
      expect(errors).toHaveLength(1)
      expect(errors[0]!.event).toBe(app ? 'error' : 'message')
      expect(errors[0]!.data).toContain('"code":"interrupted"')
      if (!app) expect(frames.at(-1)).toBe(errors[0])
    }

    async function expectSocketEnd(socket: ChatClient, index: number): Promise<void> {
      expect(await socket.closed).toBe(1001)
      const last = socket.frames.findLast(({ type }) => type === 'response_end' || type === 'error')
      if (finished(String(index))) expect(last).toMatchObject({ type: 'response_end', full_response: 'First last' })
      else expect(last).toMatchObject({ type: 'error', code: 'interrupted' })
    }

    it('in the middle of requests that begin: none of them is left running', async () => {
      const asked = Array.from({ length: 40 }, async (_, index) => {
        const named: Record<string, string> = index % 2 === 0 ? { 'x-session-id': `s${index}` } : {}
        try {
          const client = await postSse(`${parley.url}/v1/chat/completions`, { ...parley.headers, ...named }, body('Hi'))
          await client.all()
          return client.status
        } catch {
          return 'refused'
        }
      })
      await upstream.nextRequest()
      const gone = parley.stop('SIGTERM')
      const statuses = await Promise.all(asked)
      expect(await gone).toBe(0)
      expect(statuses.every((status) => status === 200 || status === 503 || status === 'refused')).toBe(true)
      const completed = await query(home, `select count(*) as n from turns where status = 'completed'`)
      expect(completed[0]!.n).toBeGreaterThanOrEqual(statuses.filter((status) => status === 200).length)
      expect(await query(home, `select id from turns where status = 'running'`)).toEqual([])
      expect(await wrongInBooks(home, { told: true })).toEqual([])
    })

    it('tells who asks meanwhile, in the shape of his door', async () => {
      const reply = upstream.hold()
      const opening = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body('Hi'))
      await reply.request
      reply.send('First ')
      const running = await opening
      const { port } = new URL(parley.url)
      const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8')
      // The answer to the first request says that the beginning of the second has come, too.
      socket.write('GET /health/liveness HTTP/1.1\r\nHost: x\r\n\r\nPOST /v1/chat/completions HTTP/1.1\r\nHost')
      await once(socket, 'data')
      const gone = parley.stop('SIGTERM')
      await until(async () => !(await accepts()))
      let told = ''
      socket.on('data', (text: string) => {
        told += text
      })
      socket.write(': x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}')
      await once(socket, 'close')
      const [head, text] = told.split('\r\n\r\n')
      const [status, ...fields] = head!.toLowerCase().split('\r\n')
      expect(status).toBe('http/1.1 503 service unavailable')
      expect(fields).toEqual(expect.arrayContaining(['retry-after: 1', 'connection: close']))
      expect(JSON.parse(text!)).toMatchObject({ error: { message: 'The server is stopping', code: 'overloaded' } })
      reply.finish()
      expect(chunkText(await running.all())).toBe('First ')
      expect(await gone).toBe(0)
    })

    it('is not kept by a client who never finishes saying what he wants', async () => {
      const { port } = new URL(parley.url)
      const socket = connect(Number(port), '127.0.0.1')
      const closed = once(socket, 'close')
      socket.on('error', () => undefined)
      // The answer to the first request says that the beginning of the second has come, too.
      socket.write('GET /health/liveness HTTP/1.1\r\nHost: x\r\n\r\nPOST /v1/chat/completions HTTP/1.1\r\nHost')
      await once(socket, 'data')
      expect(await parley.stop('SIGTERM')).toBe(0)
      await closed
    })
  })
