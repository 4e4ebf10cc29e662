import { describe, expect, it } from 'vitest'
import { ownerEmail, ownerPassword, startParley } from '#test/support/parley.ts'
import { until } from '#test/support/until.ts'
import { connect, type Turn } from '../../client/src/index.ts'
import { eventOf, nextTick, nextTurn, untilState, untilText, useScene } from './scene.ts'

describe('after a connection was lost', () => {
  const scene = useScene()

  /** A session that goes on at once when its connection is lost, and the way to lose it. */
  function open(id?: string) {
    const { session, clock, client } = scene.connect()
    const opened = session(id)
    return {
      session: opened,
      client,
      async lose(): Promise<void> {
        scene.proxy.drop()
        const { retryInMs } = await untilState(opened, 'waiting')
        clock.advance(retryInMs)
        await untilState(opened, 'open')
      },
      /** Away until `back`. */
      async leave(): Promise<() => Promise<void>> {
        scene.proxy.mode = 'refuse'
        scene.proxy.drop()
        const { retryInMs } = await untilState(opened, 'waiting')
        return async () => {
          scene.proxy.mode = 'pass'
          clock.advance(retryInMs)
          await untilState(opened, 'open')
        }
      },
    }
  }

  it('a turn is cancelled by who began it', async () => {
    const held = scene.upstream.hold()
    held.send('Begun ')
    const { session, lose } = open()
    const turn = session.send('Hello')
    await untilText(turn, 'Begun ')
    await lose()
    expect(await turn.cancel()).toBe('applied')
    expect(await turn.done).toMatchObject({ outcome: 'cancelled', text: 'Begun ' })
    await held.aborted
  })

  it('a turn is steered, also by what was said while there was no connection', async () => {
    const held = scene.upstream.hold()
    held.send('Begun ')
    const { session, leave } = open()
    const turn = session.send('Hello')
    await untilText(turn, 'Begun ')
    const back = await leave()
    const steered = scene.upstream.hold()
    const outcomes = [turn.steer('Turn'), turn.toolResult('none', 'of that')]
    await back()
    expect(await Promise.all(outcomes)).toEqual(['applied', 'ignored'])
    expect((await steered.request).lastUserText).toBe('Turn')
    steered.send('around')
    steered.finish()
    expect((await turn.done).text).toBe('Begun around')
  })

  it('a turn that ended meanwhile is caught up with, whatever it had shown', async () => {
    for (const shown of ['', 'One ', 'One two ']) {
      const held = scene.upstream.hold()
      const { session, leave } = open()
      const turn = session.send('Count')
      await turn.started
      held.reason('Hm. ')
      if (shown !== '') held.send(shown)
      await untilText(turn, shown)
      const back = await leave()
      held.reason('Well. ')
      held.send('One two three'.slice(shown.length))
      held.finish()
      await ended(turn)
      await back()
      expect(await turn.done).toMatchObject({ outcome: 'completed', text: 'One two three' })
      expect(turn.state.thinking).toBe('Hm. Well. ')
    }
  })

  /** The server has it as ended. */
  async function ended(turn: Turn): Promise<void> {
    const direct = connect({ url: scene.parley.url, token: scene.parley.key })
    for await (const _ of direct.turn(turn.id!).events());
  }

  it('what was said while there was none is answered in order, and once', async () => {
    const { session, leave } = open()
    await untilState(session, 'open')
    await session.send('Before').done
    const back = await leave()
    const said = [session.send('One'), session.send('Two'), session.send('Three')]
    await back()
    expect((await said[2]!.done).text).toBe('You said: Three')
    await Promise.all(said.map(({ done }) => done))
    const messages = await session.messages()
    expect(messages.flatMap(({ role, content }) => (role === 'user' ? [content] : []))).toEqual([
      'Before',
      'One',
      'Two',
      'Three',
    ])
  })

  it('turns that others began, and ended, meanwhile appear; old ones do not', async () => {
    const { session, leave } = open()
    await session.send('Known').done
    const heard: Turn[] = []
    session.onTurn((turn) => heard.push(turn))
    const back = await leave()
    const other = connect({ url: scene.parley.url, token: scene.parley.key }).session(session.id, {
      applicationId: scene.appId,
    })
    await other.send('Missed').done
    const held = scene.upstream.hold()
    held.send('Still ')
    const running = other.send('Running')
    await untilText(running, 'Still ')
    await back()
    while (heard.length < 2) await nextTurn(session)
    expect((await heard[0]!.done).text).toBe('You said: Missed')
    await untilText(heard[1]!, 'Still ')
    held.send('here')
    held.finish()
    expect((await heard[1]!.done).text).toBe('Still here')
    // The connection follows the conversation again.
    const next = nextTurn(session)
    await other.send('Heard').done
    expect((await (await next).done).text).toBe('You said: Heard')
    expect(heard.length).toBe(3)
    other.close()
  })

  it('a session without anything under way still hears of what others begin', async () => {
    const looks: Promise<void>[] = []
    const whole: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      return new Response(await response.text(), response)
    }
    const counted: typeof fetch = (input, init) => {
      const answer = whole(input, init)
      looks.push(answer.then(nextTick))
      return answer
    }
    const { session: open, clock } = scene.connect({ fetch: counted })
    const session = open('quiet')
    await session.send('Before').done
    scene.proxy.drop()
    clock.advance((await untilState(session, 'waiting')).retryInMs)
    await untilState(session, 'open')
    // It has looked for what it missed: what comes now only the socket can tell.
    await until(() => looks.length === 2)
    await Promise.all(looks)
    const theirs = nextTurn(session)
    const response = await fetch(`${scene.parley.url}/api/v1/chat/${scene.appId}/chat/completions`, {
      method: 'POST',
      headers: { ...scene.parley.headers, 'x-session-id': 'quiet' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'From elsewhere' }] }),
    })
    await response.text()
    expect((await (await theirs).done).text).toBe('You said: From elsewhere')
  })

  it('events that were lost come merged, none is missing', async () => {
    const held = scene.upstream.hold()
    const { session, leave } = open()
    const turn = session.send('Count')
    held.send('0 ')
    await untilText(turn, '0 ')
    const back = await leave()
    held.send(...Array.from({ length: 500 }, (_, index) => `${index + 1} `))
    await back()
    await untilText(turn, '500 ')
    held.finish()
    const end = await eventOf(turn, 'response_end')
    expect(end.full_response).toBe(Array.from({ length: 501 }, (_, index) => `${index} `).join(''))
    let deltas = 0
    for await (const { type } of turn) if (type === 'text-delta') deltas++
    expect(deltas).toBeLessThan(501)
  })
})

describe('a token that gets old', () => {
  it('is replaced in the middle of a conversation, and nobody notices', async () => {
    let hours = 0
    const parley = await startParley({ overrides: { now: () => Date.now() + hours * 3_600_000 } })
    const login = async () => {
      const response = await fetch(`${parley.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: ownerEmail, password: ownerPassword }),
      })
      return ((await response.json()) as { data: { access_token: string } }).data.access_token
    }
    const asked: boolean[] = []
    const client = connect({
      url: parley.url,
      getToken: ({ fresh }) => {
        asked.push(fresh)
        return login()
      },
    })
    const apps = await fetch(`${parley.url}/api/v1/applications`, { headers: parley.headers })
    const { data } = (await apps.json()) as { data: { id: string }[] }
    const session = client.session('long', { applicationId: data[0]!.id })
    expect((await session.send('The sky is blue.').done).outcome).toBe('completed')
    hours = 1
    // Over the socket, and over HTTP with what the socket has fetched.
    expect((await session.send('What colour is the sky?').done).outcome).toBe('completed')
    expect((await session.messages()).length).toBe(4)
    hours = 2
    expect((await client.sessions.list()).length).toBe(1)
    expect(asked).toEqual([false, true, true])

    const stale = connect({ url: parley.url, token: await login() })
    hours = 3
    await expect(stale.sessions.list()).rejects.toMatchObject({ code: 'auth_error' })
    expect((await untilState(stale.session('x'), 'closed')).error.code).toBe('auth_error')
    session.close()
    await parley.close()
  })
})

describe('a server that takes little', () => {
  const scene = useScene({
    env: { PARLEY_LIMITS: 'on', PARLEY_SOCKETS_PER_USER: '1', PARLEY_SOCKET_MAX_FRAME: '65536' },
  })

  it('closes with 1009 and 1013: the first is told to who sent too much, the second waited out', async () => {
    const [first, second] = [scene.connect(), scene.connect()]
    const one = first.session()
    await untilState(one, 'open')
    const two = second.session()
    const { retryInMs } = await untilState(two, 'waiting')
    const [large, small] = [one.send('x'.repeat(100_000)), one.send('small')]
    await expect(large.done).rejects.toMatchObject({ code: 'too_large' })
    first.clock.advance((await untilState(one, 'waiting')).retryInMs)
    expect((await small.done).text).toBe('You said: small')
    const gone = scene.proxy.open
    one.close()
    await until(() => scene.proxy.open < gone)
    second.clock.advance(retryInMs)
    expect((await two.send('Hello').done).outcome).toBe('completed')
  })
})
