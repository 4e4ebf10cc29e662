import { execFileSync, spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { ask, type DoorName, doorNames, makeApp } from '#test/support/doors.ts'
import { query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, type ParleyProcess, spawnParley } from '#test/support/parley.ts'
import { chunkText, eventText, openSse, postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

/** A file-size limit that can be set on a running process makes a full disk of any disk, and room again. */
const limitable = spawnSync('prlimit', ['--version']).status === 0

describe.skipIf(!limitable)('a full disk (needs prlimit of util-linux)', () => {
  let upstream: Upstream
  let home: Home
  let parley: ParleyProcess

  beforeEach(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    home = await makeHome()
    await spawn()
  })
  afterEach(async () => {
    await parley.stop('SIGKILL')
    await home.remove()
    await upstream.close()
  })

  async function spawn(): Promise<void> {
    parley = await spawnParley({ home, upstreamUrl: upstream.url, env: { PARLEY_STOP_GRACE_MS: '100' } })
  }

  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(parley.child.pid), `--fsize=${bytes}:`])
  const fill = () => limit('1024')
  const makeRoom = () => limit('unlimited')
  const body = { model: 'gpt-sim', stream: true, messages: [{ role: 'user', content: 'Hello disk' }] }
  const turnUrl = (id: string) => `${parley.url}/api/v1/turns/${id}`
  const look = async (id: string) =>
    (
      (await (await fetch(turnUrl(id), { headers: parley.headers })).json()) as {
        data: { status: string; text: string }
      }
    ).data

  it('refuses what it cannot store with 503, in the shape of each door, and works again when there is room', async () => {
    const appId = await makeApp(parley, 'gpt-sim')
    const asked = { parley, model: 'gpt-sim', appId, content: 'Hello disk' }
    fill()
    for (const door of doorNames) {
      const got = await ask(door, asked)
      expect(`${door} ${got.status}`).toBe(`${door} ${door === 'chat-socket' ? 200 : 503}`)
      expect(got).toMatchObject({ text: '', completed: false, ends: 1 })
      const words: Partial<Record<DoorName, string>> = { app: 'error', kadal: 'SERVICE_UNAVAILABLE_ERROR' }
      expect(got.error!.code).toBe(words[door] ?? 'overloaded')
      expect(got.error!.message).toBe('The server cannot write to its disk now')
    }
    for (const name of ['x-session-id', 'idempotency-key']) {
      const refused = await postSse(`${parley.url}/v1/chat/completions`, { ...parley.headers, [name]: 'kept' }, body)
      expect(refused.status).toBe(503)
    }
    const session = await fetch(`${parley.url}/api/v1/chat/sessions`, {
      method: 'POST',
      headers: parley.headers,
      body: JSON.stringify({ application_id: appId }),
    })
    expect(session.status).toBe(503)
    // It lives and reads.
    expect((await fetch(`${parley.url}/health/liveness`)).status).toBe(200)
    expect((await fetch(`${parley.url}/api/v1/chat/sessions`, { headers: parley.headers })).status).toBe(200)
    await upstream.idle()
    expect(await query(home, 'select id from turns')).toEqual([])
    expect(await query(home, 'select id from conversations')).toEqual([])

    makeRoom()
    for (const door of doorNames)
      expect(await ask(door, asked)).toMatchObject({ status: 200, text: 'You said: Hello disk', completed: true })
    const named = { ...parley.headers, 'idempotency-key': 'kept' }
    const again = await postSse(`${parley.url}/v1/chat/completions`, named, body)
    expect(chunkText(await again.all())).toBe('You said: Hello disk')
    await until(async () => (await query(home, 'select id from turns')).length > doorNames.length)
    expect(await query(home, `select id from turns where status <> 'completed'`)).toEqual([])
    expect(await parley.stop('SIGTERM')).toBe(0)
    // What was not streamed was answered before its first write, unless the machine was slow: then its usage is not
    // forgiven, only written later.
    const stored = (await query(home, 'select id from turns')).length - doorNames.length
    expect([1, 2]).toContain(stored)
    expect(await wrongInBooks(home, { told: true })).toEqual([])
  })

  it('settles later what it could not settle, and says so to nobody before', async () => {
    const reply = upstream.hold()
    const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body)
    await reply.request
    reply.send('Not ')
    const stream = await asked
    const turnId = stream.headers.get('x-turn-id')!
    await stream.until(({ data }) => data.includes('Not '))
    const watcher = await openChat(parley, 'watcher')
    watcher.send({ type: 'resume', turn_id: turnId, after: 0 })
    await watcher.until(({ type }) => type === 'text-delta')

    fill()
    reply.send('yet')
    reply.finish()
    const frames = await stream.all()
    expect(frames.at(-1)!.data).toContain('"code":"overloaded"')
    expect(frames.filter(({ data }) => data === '[DONE]' || /"finish_reason":"/.test(data))).toEqual([])
    expect(await watcher.until(({ type }) => type === 'error')).toMatchObject({ code: 'overloaded' })
    expect((await look(turnId)).status).toBe('running')
    expect(await query(home, 'select status from turns')).toEqual([{ status: 'running' }])
    expect(await query(home, 'select turn_id from turn_outputs')).toEqual([])

    makeRoom()
    const turn = await until(async () => {
      const now = await look(turnId)
      return now.status !== 'running' && now
    })
    expect(turn).toMatchObject({ status: 'completed', text: 'Not yet' })
    const late = await openSse(`${turnUrl(turnId)}/events`, { headers: parley.headers })
    expect(eventText(await late.all())).toBe('Not yet')
    expect(await parley.stop('SIGTERM')).toBe(0)
    expect(await wrongInBooks(home, { told: true })).toEqual([])
  })

  it('stops also while the disk is full; the next start closes what was left', async () => {
    const reply = upstream.hold()
    const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body)
    await reply.request
    reply.send('Kept ')
    const stream = await asked
    await stream.until(({ data }) => data.includes('Kept '))
    await until(async () => (await query(home, 'select turn_id from turn_checkpoints')).length > 0)
    fill()
    reply.finish()
    await stream.all()
    // Not 0 when the database could not be closed as it should; but it goes.
    expect(typeof (await parley.stop('SIGTERM'))).toBe('number')

    await spawn()
    expect(await look(stream.headers.get('x-turn-id')!)).toMatchObject({ status: 'interrupted', text: 'Kept ' })
    expect(await parley.stop('SIGTERM')).toBe(0)
    expect(await wrongInBooks(home, { told: true })).toEqual([])
  })
})
