import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, type ParleyProcess, spawnParley } from '#test/support/parley.ts'
import { chunkText, openSse, postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const readers = 100
const deltas = 6_500
/** One delta: long enough that the whole answer does not fit into the sockets' buffers. */
const delta = (index: number) => `${index} ${'x'.repeat(3_000)} `
const whole = Array.from({ length: deltas }, (_, index) => delta(index)).join('')

describe('a hundred readers who do not read', () => {
  let upstream: Upstream
  let home: Home
  let parley: ParleyProcess
  const sockets: Socket[] = []

  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    home = await makeHome()
    parley = await spawnParley({ home, upstreamUrl: upstream.url })
  })
  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    expect(await parley.stop('SIGTERM')).toBe(0)
    expect(await wrongInBooks(home, { told: true })).toEqual([])
    await home.remove()
    await upstream.close()
  })

  /** Bytes of memory that the server holds. */
  const held = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${parley.child.pid}/status`, 'utf8'))![1]) * 1024

  /** A request whose answer nobody takes out of the socket until `read` is called. */
  async function slowReader(path: string) {
    const socket = connect(Number(new URL(parley.url).port), '127.0.0.1')
    sockets.push(socket)
    socket.pause()
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${parley.key}\r\nConnection: close\r\n\r\n`)
    return {
      async read(): Promise<string> {
        const chunks: Buffer[] = []
        for await (const chunk of socket) chunks.push(chunk as Buffer)
        return unchunked(Buffer.concat(chunks))
      },
    }
  }

  it('slow down neither the upstream nor the fast reader, cost little memory, and are caught up exactly', async () => {
    const reply = upstream.hold()
    const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, {
      model: 'gpt-sim',
      stream: true,
      messages: [{ role: 'user', content: 'At length' }],
    })
    reply.send(delta(0))
    const fast = await asked
    const turnId = fast.headers.get('x-turn-id')!
    const path = `/api/v1/turns/${turnId}/events`
    const slow = await Promise.all(Array.from({ length: readers }, () => slowReader(path)))
    // They are there when the server has written to each of them.
    await until(() => sockets.every((socket) => socket.bytesWritten > 0))
    const before = held()

    const reading = fast.all()
    for (let index = 1; index < deltas; index++) {
      reply.send(delta(index))
      if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    reply.finish()
    expect(chunkText(await reading)).toBe(whole)
    // What a hundred readers have not taken is 1950 MB.
    expect(held() - before).toBeLessThan((readers * whole.length) / 2)

    // Most of them never come to their senses.
    for (const socket of sockets.slice(readers / 10)) socket.destroy()
    for (const reader of slow.slice(0, readers / 10)) {
      const text = await reader.read()
      expect(textOf(text)).toBe(whole)
      expect(text.match(/event: turn-end/g)).toHaveLength(1)
    }
    const late = await openSse(`${parley.url}${path}`, { headers: parley.headers })
    expect((await late.all()).at(-1)!.event).toBe('turn-end')
  })
})

function unchunked(bytes: Buffer): string {
  const head = bytes.indexOf('\r\n\r\n')
  const out: Buffer[] = []
  for (let at = head + 4; ; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (!(size > 0)) return Buffer.concat(out).toString()
    out.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

function textOf(stream: string): string {
  let text = ''
  for (const frame of stream.split('\n\n'))
    if (frame.includes('event: text-delta'))
      text += (JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as { event: { text: string } }).event.text
  return text
}
