import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ConnectOptions, connect, ParleyError, type Session } from '../../client/src/index.ts'
import { handClock } from './hand-clock.ts'
import { untilState, useScene } from './scene.ts'
import { startScriptedServer } from './scripted-server.ts'

describe('a connection that is lost', () => {
  const scene = useScene()

  /** How long each of the next attempts is waited for. */
  async function waits(session: Session, clock: { advance(ms: number): void }, count: number): Promise<number[]> {
    const out: number[] = []
    for (let index = 0; index < count; index++) {
      const { retryInMs } = await untilState(session, 'waiting')
      out.push(retryInMs)
      const next = untilState(session, 'connecting')
      clock.advance(retryInMs)
      await next
    }
    return out
  }

  it('is tried again after 1, 2, 4 … 30 s', async () => {
    const { session: open, clock } = scene.connect()
    scene.proxy.mode = 'refuse'
    const session = open()
    expect(await waits(session, clock, 8)).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000])
  })

  it('is tried again at a time of its own, so that not all clients come at once', async () => {
    scene.proxy.mode = 'refuse'
    for (const [random, first] of [
      [0, 1000],
      [0.5, 750],
      [1, 500],
    ] as const) {
      const session = scene.connect({ random: () => random }).session()
      expect((await untilState(session, 'waiting')).retryInMs).toBe(first)
    }
  })

  it('is forgotten when the next one holds, and only then', async () => {
    const { session: open, clock } = scene.connect()
    const session = open()
    await untilState(session, 'open')
    for (const expected of [1000, 2000]) {
      scene.proxy.drop()
      expect((await untilState(session, 'waiting')).retryInMs).toBe(expected)
      clock.advance(expected)
      await untilState(session, 'open')
    }
    clock.advance(10_000)
    scene.proxy.drop()
    expect((await untilState(session, 'waiting')).retryInMs).toBe(1000)
  })

  it('is tried again at once when the browser is online again', async () => {
    const { session: open, network } = scene.connect()
    scene.proxy.mode = 'refuse'
    const session = open()
    await untilState(session, 'waiting')
    scene.proxy.mode = 'pass'
    network.dispatchEvent(new Event('online'))
    await untilState(session, 'open')
    expect((await session.send('Here').done).text).toBe('You said: Here')
    session.close()
    network.dispatchEvent(new Event('online'))
    expect(session.state.status).toBe('closed')
  })

  it('is found out by a ping that nobody answers', async () => {
    const { session: open, clock } = scene.connect()
    const session = open()
    await untilState(session, 'open')
    for (let minutes = 0; minutes < 3; minutes++) {
      clock.advance(30_000)
      // The pong has come when the answer to what was sent after the ping has.
      await session.send('Still there?').done
      clock.advance(29_999)
      expect(session.state.status).toBe('open')
      clock.advance(1)
      await session.send('And now?').done
    }
    scene.proxy.stall()
    clock.advance(39_999)
    expect(session.state.status).toBe('open')
    clock.advance(1)
    expect(session.state.status).toBe('waiting')
  })

  it('is suspected when the network comes back', async () => {
    const { session: open, clock, network } = scene.connect()
    const session = open()
    await untilState(session, 'open')
    scene.proxy.stall()
    network.dispatchEvent(new Event('online'))
    clock.advance(10_000)
    expect(session.state.status).toBe('waiting')
  })

  it('was none when nobody answers for a quarter of a minute', async () => {
    const { session: open, clock } = scene.connect()
    scene.proxy.mode = 'swallow'
    const session = open()
    await untilState(session, 'connecting')
    clock.advance(14_999)
    expect(session.state.status).toBe('connecting')
    clock.advance(1)
    expect(session.state).toEqual({ status: 'waiting', retryInMs: 1000 })
  })

  it('leaves no timer behind when it was closed', async () => {
    const { session: open, clock } = scene.connect()
    const session = open()
    await untilState(session, 'open')
    session.close()
    expect(session.state).toMatchObject({ status: 'closed', error: { code: 'closed' } })
    expect(clock.pending).toEqual([])
  })
})

describe('the codes with which servers close', () => {
  let server: Awaited<ReturnType<typeof startScriptedServer>>
  beforeAll(async () => {
    server = await startScriptedServer()
  })
  afterAll(() => server.close())

  /** A session, and where its connections begin to be counted. */
  function open(more: Partial<ConnectOptions> = {}) {
    const clock = handClock()
    const credential = more.getToken ? {} : { token: 'the only one' }
    const client = connect({ url: server.url, clock, random: () => 0, ...credential, ...more })
    return { session: client.session('s'), clock, first: server.connections.length }
  }

  it.each([1000, 1001, 1006, 1011, 1012, 1013, 4000])('%i: another attempt, later', async (code) => {
    const { session, clock, first } = open()
    const connection = await server.welcome(first)
    await untilState(session, 'open')
    if (code === 1006) connection.send({ type: 'error', code: 'rate_limit', message: 'Something of yours was dropped' })
    else connection.close(code)
    const { retryInMs } = await untilState(session, 'waiting')
    clock.advance(retryInMs)
    await server.welcome(first + 1)
    await untilState(session, 'open')
    session.close()
  })

  it('1008 consumer-too-slow: another attempt, with the same token', async () => {
    const { session, clock, first } = open()
    const connection = await server.welcome(first)
    connection.close(1008, 'consumer-too-slow')
    clock.advance((await untilState(session, 'waiting')).retryInMs)
    expect((await server.connection(first + 1)).token).toBe('the only one')
    session.close()
  })

  it('1008 to the only token there is: the end, with its reason', async () => {
    const { session, clock, first } = open()
    const turn = session.send('Hello')
    const connection = await server.connection(first)
    connection.close(1008, 'Invalid token')
    const { error } = await untilState(session, 'closed')
    expect(error).toBeInstanceOf(ParleyError)
    expect(error).toMatchObject({ code: 'auth_error' })
    await expect(turn.done).rejects.toBe(error)
    expect(() => session.send('Again')).toThrow(error)
    clock.advance(3_600_000)
    expect(server.connections.length).toBe(first + 1)
  })

  it('1008 to a token: one fresh one is asked for, and no second', async () => {
    const asked: boolean[] = []
    const getToken = ({ fresh }: { fresh: boolean }) => {
      asked.push(fresh)
      return `token ${asked.length}`
    }
    const { session, clock, first } = open({ getToken })
    const connection = await server.connection(first)
    connection.close(1008, 'Invalid token')
    const second = await server.welcome(first + 1)
    expect([connection.token, second.token]).toEqual(['token 1', 'token 2'])
    await untilState(session, 'open')
    // Refused while it is new: that is no matter of age.
    second.close(1008, 'Membership ended')
    expect((await untilState(session, 'closed')).error).toMatchObject({
      code: 'auth_error',
      message: 'Membership ended',
    })
    expect(asked).toEqual([false, true])
    clock.advance(3_600_000)
    expect(server.connections.length).toBe(first + 2)
  })

  it('1008 after a connection that held: a fresh token each time', async () => {
    let given = 0
    const { session, clock, first } = open({ getToken: () => `token ${++given}` })
    for (let round = 0; round < 3; round++) {
      const connection = await server.welcome(first + round)
      await untilState(session, 'open')
      expect(connection.token).toBe(`token ${round + 1}`)
      clock.advance(10_000)
      connection.close(1008, 'Invalid token')
      await untilState(session, 'connecting')
    }
    session.close()
  })

  it('a token that cannot be had now is asked for later; one that cannot be had at all is the end', async () => {
    const answers = [
      () => 'old',
      () => Promise.reject(new TypeError('no network')),
      () => 'new',
      () => {
        throw new ParleyError({ code: 'auth_error', message: 'Log in again' })
      },
    ]
    const { session, clock, first } = open({ getToken: () => answers.shift()!() })
    const connection = await server.connection(first)
    connection.close(1008, 'Invalid token')
    clock.advance((await untilState(session, 'waiting')).retryInMs)
    const second = await server.welcome(first + 1)
    expect(second.token).toBe('new')
    await untilState(session, 'open')
    clock.advance(10_000)
    second.close(1008, 'Invalid token')
    expect((await untilState(session, 'closed')).error).toMatchObject({ message: 'Log in again' })
  })

  it('1009: told to who sent the largest, and the rest is sent again', async () => {
    const { session, clock, first } = open()
    const large = session.send('x'.repeat(10_000))
    const small = session.send('small')
    const connection = await server.welcome(first)
    await connection.until(({ content }) => content === 'small')
    connection.close(1009)
    await expect(large.done).rejects.toMatchObject({ code: 'too_large' })
    clock.advance((await untilState(session, 'waiting')).retryInMs)
    const second = await server.welcome(first + 1)
    await second.until(({ content }) => content === 'small')
    expect(second.frames.map(({ content }) => content)).toEqual(['small'])
    expect(small.state.status).toBe('pending')
    session.close()
  })

  it('several sessions of one client ask for one fresh token', async () => {
    let given = 0
    const clock = handClock()
    const client = connect({ url: server.url, clock, getToken: () => `token ${++given}` })
    const first = server.connections.length
    const sessions = ['a', 'b', 'c'].map((id) => client.session(id))
    for (let index = 0; index < 3; index++) (await server.connection(first + index)).close(1008, 'Invalid token')
    for (let index = 3; index < 6; index++) expect((await server.welcome(first + index)).token).toBe('token 2')
    expect(given).toBe(2)
    for (const session of sessions) session.close()
  })
})
