import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownerEmail, ownerPassword, type RunningParley, startParley } from '#test/support/parley.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

describe('connections that are held', () => {
  let upstream: Upstream
  let parley: Awaited<ReturnType<typeof startParley>>
  const sockets: Socket[] = []

  async function start(patience: { request?: number; stalled?: number }): Promise<RunningParley> {
    parley = await startParley({ upstreamUrl: upstream.url, overrides: { patience } })
    return parley
  }

  beforeEach(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await parley.close()
    await upstream.close()
  })

  async function send(text: string): Promise<Socket> {
    const socket = connect(Number(new URL(parley.url).port), '127.0.0.1')
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }

  async function toEnd(socket: Socket): Promise<string> {
    return Buffer.concat(await socket.toArray()).toString()
  }

  const get = (path: string, authorization: string) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`
  const post = (path: string, more: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n`
  const ask = (content: string) => ({
    method: 'POST',
    headers: parley.headers,
    body: JSON.stringify({ model: 'gpt-sim', messages: [{ role: 'user', content }] }),
  })

  it.each([
    ['a stranger’s', '/api/v1/auth/login', 'Content-Length: 9000\r\n', '{'],
    ['a caller’s', '/v1/chat/completions', 'Content-Length: 9000\r\nAuthorization: Bearer KEY\r\n', '{'],
    [
      'one in chunks',
      '/v1/chat/completions',
      'Transfer-Encoding: chunked\r\nAuthorization: Bearer KEY\r\n',
      '1\r\n{\r\n',
    ],
  ])('are ended when a request is never whole: %s', async (_, path, headers, begin) => {
    const { key } = await start({ request: 500 })
    const socket = await send(post(path, headers.replace('KEY', key)) + begin)
    // A byte now and then is not enough to go on for ever.
    const drip = setInterval(() => socket.write(begin.startsWith('1') ? '1\r\n \r\n' : ' '), 50)
    // One of them may meet a connection that is closed already.
    socket.on('error', () => undefined).resume()
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(drip)
  })

  it('are ended when nobody takes an answer; who waits for one is left alone', async () => {
    await start({ stalled: 500 })
    upstream.respond({ text: 'Yes.' })
    for (let turn = 0; turn < 8; turn++) await fetch(`${parley.url}/v1/chat/completions`, ask('x'.repeat(3_000_000)))
    const login = await fetch(`${parley.url}/api/v1/auth/login`, {
      ...ask(''),
      body: JSON.stringify({ email: ownerEmail, password: ownerPassword }),
    })
    const { data } = (await login.json()) as { data: { access_token: string } }
    const authorization = `Bearer ${data.access_token}`
    const path = '/api/v1/users/me/export'
    const ended: Promise<unknown>[] = []

    const held = upstream.hold()
    const patient = fetch(`${parley.url}/v1/chat/completions`, ask('Think'))
    await held.request
    // As many as there may be at once.
    for (let reader = 0; reader < 4; reader++) {
      const [[ours]] = await Promise.all([
        once(parley.parley.server.server, 'connection') as Promise<[Socket]>,
        send(get(path, authorization)).then((socket) => socket.pause()),
      ])
      ended.push(once(ours, 'close'))
    }
    await Promise.all(ended)
    const answer = await fetch(parley.url + path, { headers: { authorization } })
    expect(await answer.text()).toMatch(/"type":"end".*\n$/)
    held.send('Well.')
    held.finish()
    expect((await patient).status).toBe(200)
  })

  it('are ended when no other request comes', async () => {
    await start({ stalled: 60_000 })
    parley.parley.server.server.keepAliveTimeout = 1
    // Two of one header: a request for Node, whose timer it is.
    expect(await toEnd(await send(get('/health/liveness', '\r\nX-A: 1\r\nX-A: 2')))).toMatch(/^HTTP\/1.1 200 /)
  })
})
