import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { makeApp } from '#test/support/doors.ts'
import { type Inspector, inspectable, openInspector } from '#test/support/inspector.ts'
import { makeHome, type ParleyProcess, spawnParley } from '#test/support/parley.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const warmUp = 3_000
const visits = 20_000
const atOnce = 100
/** Addresses to come from: a single one would run out of ports. */
const addresses = 8

const plenty = '10000000/min'
const many = '1000000'
const env = {
  ...inspectable,
  PARLEY_LIMITS: 'on',
  PARLEY_LIMIT_IP: plenty,
  PARLEY_LIMIT_USER: plenty,
  PARLEY_LIMIT_CHAT: plenty,
  PARLEY_SOCKETS_PER_IP: many,
  PARLEY_SOCKETS_PER_USER: many,
}

type Frame = { type: string; done?: boolean }

describe('twenty thousand sockets that come and go', () => {
  let upstream: Upstream
  let parley: ParleyProcess
  let inspector: Inspector
  let removeHome: () => Promise<void>
  let appId: string
  let userId: string
  let workspaceId: string
  let visited = 0

  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    const home = await makeHome()
    removeHome = home.remove
    parley = await spawnParley({ home, upstreamUrl: upstream.url, env })
    inspector = await openInspector(parley)
    appId = await makeApp(parley, 'gpt-sim')
    const me = await fetch(`${parley.url}/api/v1/auth/me`, { headers: parley.headers })
    const { data } = (await me.json()) as { data: { id: string; workspace_id: string } }
    userId = data.id
    workspaceId = data.workspace_id
  })
  afterAll(async () => {
    inspector?.close()
    expect(await parley?.stop('SIGTERM')).toBe(0)
    await upstream?.close()
    await removeHome?.()
  })

  /** One of the things clients do: a few words on one of the doors, an answer, leaving in its middle, hanging up. */
  async function visit(): Promise<void> {
    const index = visited++
    const path = [`/ws/chat/session-${index}`, '/chat', `/ws/notifications/${userId}`, `/ws/workspaces/${workspaceId}`]
    const door = index % 4
    const socket = new WebSocket(parley.url.replace('http', 'ws') + path[door], {
      headers: { authorization: `Bearer ${parley.key}` },
      localAddress: `127.0.0.${1 + (index % addresses)}`,
    })
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    // An error is told by the frame that does not come.
    socket.on('error', () => undefined)
    const came = (accept: (frame: Frame) => boolean) =>
      new Promise<void>((resolve, reject) => {
        socket.on('message', (data) => accept(JSON.parse(data.toString()) as Frame) && resolve())
        socket.once('close', (code) => reject(new Error(`${path[door]} closed with ${code} before it answered`)))
      })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const asks = door < 2 && index % 40 < 2
    const said = came(({ type, done }) => (asks ? type === 'response_end' || done === true : type === 'pong'))
    const ask = JSON.stringify(
      door === 0
        ? { type: 'chat', content: 'Hello', application_id: appId }
        : { type: 'message', role: 'user', content: 'Hello', model: 'gpt-sim', thread_id: `thread-${index}` },
    )
    socket.send(asks ? ask : '{"type":"ping"}')
    await said
    // Some leave in the middle of an answer, and some hang up without a word.
    if (asks && index % 80 < 2) {
      socket.send(ask)
      socket.close()
    } else if (index % 7 === 0) socket.terminate()
    else socket.close()
    await closed
  }

  async function come(count: number): Promise<void> {
    const last = visited + count
    const client = async () => {
      while (visited < last) await visit()
    }
    await Promise.all(Array.from({ length: atOnce }, client))
  }

  async function figures(): Promise<Map<string, number>> {
    const answer = await fetch(`${parley.url}/metrics`, { headers: parley.headers })
    const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
  }

  /** When everybody has left: what is still remembered of them, and the heap without its garbage. */
  async function left() {
    const settled = await until(async () => {
      const now = await figures()
      const busy = [...now].some(([name, value]) => /^parley_(sockets_open|turns_running)/.test(name) && value > 0)
      return busy ? undefined : now
    })
    await inspector.collectGarbage()
    const heap = (await figures()).get('nodejs_heap_size_used_bytes')!
    const remembered = [...settled].filter(
      ([name, value]) => value > 0 && /^parley_(socket_owners|\w+_registry)/.test(name),
    )
    return { heap, remembered }
  }

  it('leave nothing behind', { timeout: 180_000 }, async () => {
    await come(warmUp)
    const before = await left()
    await come(visits)
    const after = await left()
    const closes = [...(await figures())].filter(([name]) => name.startsWith('parley_socket_closes_total'))
    expect(closes.reduce((sum, [, count]) => sum + count, 0)).toBe(warmUp + visits)
    expect(after.remembered).toEqual([])
    expect(after.heap / before.heap, `the heap had ${before.heap} bytes and has ${after.heap}`).toBeLessThan(1.1)
  })
})
