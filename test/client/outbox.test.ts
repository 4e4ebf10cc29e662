import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Session } from '../../client/src/index.ts'
import { type HandClock, handClock } from './hand-clock.ts'
import { untilState } from './scene.ts'
import { type ScriptedConnection, startScriptedServer } from './scripted-server.ts'

describe('what is to be sent', () => {
  let server: Awaited<ReturnType<typeof startScriptedServer>>
  let session: Session
  let clock: HandClock
  let next = 0
  beforeAll(async () => {
    server = await startScriptedServer()
  })
  afterAll(() => server.close())
  beforeEach(() => {
    session?.close()
    clock = handClock()
    session = connect({ url: server.url, token: 't', clock, random: () => 0 }).session('s', { applicationId: 'app' })
    next = server.connections.length
  })

  const welcome = () => server.welcome(next++)
  const contents = ({ frames }: ScriptedConnection) => frames.map(({ content }) => content)
  async function reconnect(connection: ScriptedConnection): Promise<ScriptedConnection> {
    connection.close(1001)
    clock.advance((await untilState(session, 'waiting')).retryInMs)
    return welcome()
  }
  const began = (connection: ScriptedConnection, requestId: string | undefined, turnId: string) =>
    connection.send({
      type: 'response_start',
      message_id: turnId,
      chat_id: null,
      request_id: requestId,
      turn_id: turnId,
      seq: 1,
    })

  it('waits for the connection, in order', async () => {
    const said = Array.from({ length: 20 }, (_, index) => `message ${index}`)
    for (const content of said) session.send(content)
    const connection = await welcome()
    await connection.until(({ content }) => content === said.at(-1))
    expect(contents(connection)).toEqual(said)
    expect(connection.frames[0]).toMatchObject({
      type: 'chat',
      application_id: 'app',
      idempotency_key: expect.any(String),
    })
    expect(new Set(connection.frames.map((frame) => frame.idempotency_key)).size).toBe(20)
    expect(new Set(connection.frames.map((frame) => frame.request_id)).size).toBe(20)
  })

  it('is bounded, also by what the server takes', async () => {
    for (let count = 0; count < 100; count++) session.send('more')
    expect(() => session.send('and more')).toThrow(expect.objectContaining({ code: 'outbox_full' }))
    expect(() => session.send('é'.repeat(600_000))).toThrow(expect.objectContaining({ code: 'too_large' }))
  })

  it('goes no faster than the server takes it', async () => {
    for (let count = 0; count < 60; count++) session.send(`${count}`)
    const connection = await welcome()
    for (const [seen, total] of [
      ['24', 25],
      ['49', 50],
      ['59', 60],
    ] as const) {
      await connection.until(({ content }) => content === seen)
      connection.send({ type: 'pong' })
      expect(connection.frames.length).toBe(total)
      clock.advance(1000)
    }
  })

  it('is sent again with the same key when the connection broke before the answer, and not after it', async () => {
    const first = session.send('answered')
    session.send('unanswered')
    let connection = await welcome()
    await connection.until(({ content }) => content === 'unanswered')
    began(connection, connection.frames[0]!.request_id, 'turn-1')
    await first.started
    const keys = connection.frames.map(({ idempotency_key: key }) => key)
    connection = await reconnect(connection)
    await connection.until(({ content }) => content === 'unanswered')
    expect(connection.frames.map(({ type }) => type)).toEqual(['resume', 'chat'])
    expect(connection.frames[0]).toMatchObject({ turn_id: 'turn-1', after: 1 })
    expect(connection.frames[1]!.idempotency_key).toBe(keys[1])
  })

  it('is not sent again when that would be wrong: a steer', async () => {
    const turn = session.send('Hello')
    let connection = await welcome()
    began(connection, (await connection.until(({ type }) => type === 'chat')).request_id, 'turn-1')
    await turn.started
    const outcomes = [turn.steer('left'), turn.toolResult('call-1', { degrees: 21 }), turn.cancel()].map((outcome) =>
      outcome.catch((thrown: { code: string }) => thrown.code),
    )
    await connection.until(({ type }) => type === 'cancel')
    connection = await reconnect(connection)
    expect(await outcomes[0]).toBe('unknown_outcome')
    const cancel = await connection.until(({ type }) => type === 'cancel')
    expect(connection.frames.map(({ type }) => type)).toEqual(['resume', 'tool_result', 'cancel'])
    expect(connection.frames[1]).toMatchObject({ tool_call_id: 'call-1', result: { degrees: 21 }, ok: true })
    for (const [{ request_id: id }, outcome] of [
      [connection.frames[1]!, 'ignored'],
      [cancel, 'applied'],
    ] as const)
      connection.send({ type: 'command_result', turn_id: 'turn-1', outcome, request_id: id })
    expect(await Promise.all(outcomes)).toEqual(['unknown_outcome', 'ignored', 'applied'])
  })

  it('is taken back by a cancel while it has not been sent', async () => {
    const kept = session.send('kept')
    const turn = session.send('taken back')
    expect(await turn.cancel()).toBe('applied')
    expect(await turn.done).toMatchObject({ outcome: 'cancelled', text: '', id: undefined })
    await expect(turn.started).rejects.toMatchObject({ code: 'cancelled' })
    for await (const event of turn) expect.fail(`an event of nothing: ${event.type}`)
    const connection = await welcome()
    const { request_id: id } = await connection.until(({ content }) => content === 'kept')
    expect(contents(connection)).toEqual(['kept'])
    // Once it is out it may have arrived: the cancel follows as soon as it is known of what.
    const outcome = kept.cancel()
    began(connection, id, 'turn-1')
    const cancel = await connection.until(({ type }) => type === 'cancel')
    expect(cancel.turn_id).toBe('turn-1')
    connection.send({ type: 'cancel_result', turn_id: 'turn-1', outcome: 'applied', request_id: cancel.request_id })
    expect(await outcome).toBe('applied')
  })

  it('is told of a limit the first time; asked again for what was accepted before, it waits', async () => {
    const limit = { type: 'error', code: 'rate_limit', message: 'Slow down', retry_after_ms: 3000 }
    const refused = session.send('too fast')
    let connection = await welcome()
    connection.send({ ...limit, request_id: (await connection.until(({ type }) => type === 'chat')).request_id })
    await expect(refused.done).rejects.toMatchObject({ code: 'rate_limit', retryAfterMs: 3000 })

    const accepted = session.send('accepted')
    await connection.until(({ content }) => content === 'accepted')
    connection = await reconnect(connection)
    const again = await connection.until(({ content }) => content === 'accepted')
    connection.send({ ...limit, request_id: again.request_id })
    connection.send({ type: 'typing', user_id: 'somebody', session_id: 's' })
    await new Promise((resolve) => session.onTyping(resolve))
    clock.advance(2999)
    expect(connection.frames.length).toBe(1)
    clock.advance(1)
    await connection.until(() => connection.frames.length === 2)
    began(connection, connection.frames[1]!.request_id, 'turn-1')
    expect(await accepted.started).toBe('turn-1')
  })

  it('asks again for a turn that the server cannot show yet, and gives up what it will not', async () => {
    const turn = session.resume('turn-1')
    const connection = await welcome()
    const resume = await connection.until(({ type }) => type === 'resume')
    connection.send({
      type: 'error',
      code: 'conflict',
      message: 'Elsewhere',
      retry_after_ms: 1000,
      request_id: resume.request_id,
    })
    connection.send({ type: 'typing', user_id: 'somebody', session_id: 's' })
    await new Promise((resolve) => session.onTyping(resolve))
    clock.advance(1000)
    await connection.until(() => connection.frames.length === 2)
    connection.send({ type: 'error', code: 'not_found', message: 'Turn not found', request_id: resume.request_id })
    await expect(turn.done).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of an own turn that began in an earlier connection: its end, before the next message', async () => {
    const turn = session.send('First')
    let connection = await welcome()
    began(connection, (await connection.until(({ type }) => type === 'chat')).request_id, 'turn-1')
    await turn.started
    connection = await reconnect(connection)
    await connection.until(({ type }) => type === 'resume')
    session.send('Second')
    await connection.until(({ type }) => type === 'chat')
    expect(connection.frames.map(({ type }) => type)).toEqual(['resume', 'cancel', 'chat'])
  })
})
