import { describe, expect, it } from 'vitest'
import { ParleyError } from '../../client/src/index.ts'
import { eventOf, nextTurn, untilState, untilText, useScene, webSockets } from './scene.ts'

for (const [name, WebSocket] of Object.entries(webSockets))
  describe(`the client over ${name}`, () => {
    const scene = useScene()
    const open = (id?: string, applicationId?: string) => scene.connect({ WebSocket }).session(id, applicationId)

    it('says something, shows the answer as it grows, and how it ended', async () => {
      const held = scene.upstream.hold()
      const session = open()
      const turn = session.send('Hello')
      expect([turn.id, turn.text, turn.state.status, turn.mine]).toEqual([undefined, '', 'pending', true])
      held.reason('Hm. ')
      held.send('Good ')
      await untilText(turn, 'Good ')
      expect(turn.state).toMatchObject({ id: await turn.started, status: 'running', thinking: 'Hm. ' })
      held.send('day')
      held.finish()
      expect(await turn.done).toEqual({
        id: turn.id,
        outcome: 'completed',
        text: 'Good day',
        usage: expect.objectContaining({ prompt_tokens: expect.any(Number), estimated: false }),
        error: undefined,
      })
      const types: string[] = []
      for await (const event of turn) types.push(event.type)
      expect([types[0], types.at(-1)]).toEqual(['response_start', 'response_end'])
      expect(turn.state.parts.map(({ kind, text }) => [kind, text])).toEqual([
        ['thinking', 'Hm. '],
        ['text', 'Good day'],
      ])
    })

    it('lets several iterate over one turn, each from its beginning', async () => {
      const turn = open().send('Twice')
      const read = async () => {
        const seen: number[] = []
        for await (const { seq } of turn) seen.push(seq)
        return seen
      }
      const [early, alsoEarly] = await Promise.all([read(), read()])
      expect(early.length).toBeGreaterThan(2)
      expect(alsoEarly).toEqual(early)
      expect(await read()).toEqual(early)
    })

    it('keeps what was said in the session, under any name of it', async () => {
      const session = open('a name of ours')
      await session.send('One').done
      await session.send('Two').done
      const messages = await session.messages()
      expect(messages.map(({ role, content }) => [role, content])).toEqual([
        ['user', 'One'],
        ['assistant', 'You said: One'],
        ['user', 'Two'],
        ['assistant', 'You said: Two'],
      ])
      expect((await session.messages({ limit: 1 })).length).toBe(2)
      const made = await scene.connect().client.sessions.create({ applicationId: scene.appId, title: 'Ours' })
      const other = open(made.id)
      await other.send('Three').done
      expect((await other.messages()).at(-1)!.content).toBe('You said: Three')
    })

    it('shows the turns of others in the session, who types, and who leaves', async () => {
      const [one, two] = [open('shared'), open('shared')]
      await Promise.all([untilState(one, 'open'), untilState(two, 'open')])
      const typing = new Promise((resolve) => two.onTyping(resolve))
      one.typing()
      expect(await typing).toEqual({ userId: expect.any(String) })
      const theirs = nextTurn(two)
      const own: unknown[] = []
      one.onTurn((turn) => own.push(turn))
      const said = one.send('For all')
      const shown = await theirs
      expect([shown.mine, shown.id]).toEqual([false, await said.started])
      expect((await shown.done).text).toBe('You said: For all')
      expect(await said.done).toEqual(await shown.done)
      expect(own).toEqual([])
      const left = new Promise((resolve) => two.onLeave(resolve))
      one.close()
      expect(await left).toEqual({ userId: expect.any(String) })
    })

    it('cancels and steers, from either side', async () => {
      const [one, two] = [open('commands'), open('commands')]
      await Promise.all([untilState(one, 'open'), untilState(two, 'open')])
      const held = scene.upstream.hold()
      held.send('Begun ')
      const theirs = nextTurn(two)
      const turn = one.send('Count')
      await untilText(turn, 'Begun ')
      const steered = scene.upstream.hold()
      expect(await (await theirs).steer('Backwards')).toBe('applied')
      steered.send('Turned ')
      await untilText(turn, 'Turned ')
      expect(await turn.toolResult('no such call', { any: 'thing' })).toBe('ignored')
      expect(await turn.cancel()).toBe('applied')
      expect(await turn.done).toMatchObject({ outcome: 'cancelled', text: 'Begun Turned ', error: undefined })
      expect(await turn.cancel()).toBe('ended')
      expect((await (await theirs).done).outcome).toBe('cancelled')
    })

    it('ends its own turn for the next message, as the server does', async () => {
      const held = scene.upstream.hold()
      held.send('Old ')
      const session = open()
      const first = session.send('First')
      await untilText(first, 'Old ')
      const second = session.send('Second')
      expect((await first.done).outcome).toBe('cancelled')
      expect((await second.done).text).toBe('You said: Second')
    })

    it('tells why the server refuses something, and why a turn failed', async () => {
      const session = open(undefined, crypto.randomUUID())
      const refused = session.send('To nobody')
      const error = await refused.done.catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ParleyError)
      expect(error).toMatchObject({ code: 'not_found', message: expect.any(String) })
      await expect(refused.started).rejects.toBe(error)
      await expect(refused.cancel()).rejects.toBe(error)
      await expect(refused[Symbol.asyncIterator]().next()).rejects.toBe(error)
      scene.upstream.script({ strike: { kind: 'status', status: 400 } })
      const failed = open().send('Break')
      expect(await failed.done).toMatchObject({ outcome: 'failed', error: { code: 'provider_error' } })
      expect((await eventOf(failed, 'error')).turn_id).toBe(failed.id)
      const blank = open().send(' ')
      await expect(blank.done).rejects.toMatchObject({ code: 'invalid_request', field: 'content' })
    })

    it('is one turn for one key, in whichever connection and however often it is asked', async () => {
      const held = scene.upstream.hold()
      held.send('Once ')
      const session = open()
      const first = session.send('Hello', { idempotencyKey: 'the same' })
      await untilText(first, 'Once ')
      const other = open(session.id)
      const again = other.send('Hello', { idempotencyKey: 'the same' })
      await untilText(again, 'Once ')
      held.finish()
      expect(await again.done).toEqual(await first.done)
      expect(await other.send('Hello', { idempotencyKey: 'the same' }).done).toEqual(await first.done)
      const conflict = other.send('Something else', { idempotencyKey: 'the same' })
      await expect(conflict.done).rejects.toMatchObject({ code: 'conflict' })
    })

    it('shows a turn that was begun before it came: one that runs by itself, any by its id', async () => {
      const held = scene.upstream.hold()
      held.send('Already ')
      const first = open('reloaded')
      const turn = first.send('Hello')
      await untilText(turn, 'Already ')
      first.close()
      await expect(turn.done).rejects.toMatchObject({ code: 'closed' })
      expect(() => first.send('More')).toThrow(expect.objectContaining({ code: 'closed' }))
      const second = open('reloaded')
      const found = await nextTurn(second)
      expect(found.id).toBe(turn.id)
      await untilText(found, 'Already ')
      held.send('there')
      held.finish()
      expect((await found.done).text).toBe('Already there')
      const stranger = open()
      const old = stranger.resume(found.id!)
      expect((await old.done).text).toBe('Already there')
      await expect(stranger.resume(crypto.randomUUID()).done).rejects.toMatchObject({ code: 'not_found' })
    })

    it('opens an app to whoever has its access token', async () => {
      const response = await fetch(`${scene.parley.url}/api/v1/applications`, { headers: scene.parley.headers })
      const { data } = (await response.json()) as { data: { access_token: string }[] }
      const token = data[0]!.access_token
      const visitor = scene.connect({ WebSocket, token }).session('visit', token)
      expect((await visitor.send('Public').done).text).toBe('You said: Public')
    })
  })
