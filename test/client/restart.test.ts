import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { lapseLeases, query } from '#test/support/ledger.ts'
import { type Home, makeHome, type ParleyProcess, spawnParley, startParley } from '#test/support/parley.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'
import { connect, type Session } from '../../client/src/index.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import { type HandClock, handClock } from './hand-clock.ts'
import { firstApp, impatient, letTimePass, nextTurn, untilState, untilText } from './scene.ts'

for (const kind of databaseKinds)
  describe(`a server that ends and begins again, on ${kind}`, () => {
    let upstream: Upstream
    let home: Home
    let parley: ParleyProcess
    let proxy: FaultyProxy
    let clock: HandClock
    let session: Session
    let appId: string
    const cleanUps: (() => unknown)[] = []

    beforeEach(async () => {
      upstream = await startUpstream()
      upstream.models = ['gpt-sim']
      home = await makeHome(kind)
      parley = await spawnParley({ home, upstreamUrl: upstream.url, env: { PARLEY_STOP_GRACE_MS: '300' } })
      proxy = await startFaultyProxy(parley.url)
      cleanUps.push(upstream.close, home.remove, proxy.close, () => parley.stop('SIGKILL'))
      clock = handClock()
      appId = await firstApp(parley)
      session = connect({ url: proxy.url, token: parley.key, clock, random: () => 0 }).session('one', {
        applicationId: appId,
      })
      cleanUps.push(() => session.close())
      await untilState(session, 'open')
    })
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })

    /** The next server, in the same home and at the same address. */
    async function again() {
      await lapseLeases(home)
      const next = await startParley({ home, upstreamUrl: upstream.url })
      cleanUps.push(() => next.close())
      proxy.target = next.url
      impatient(session, clock)
      clock.advance(session.state.status === 'waiting' ? session.state.retryInMs : 0)
      return next
    }

    it('kill -9 in the middle of a turn: it is interrupted, shows what was kept, and the session goes on', async () => {
      await session.send('Remember the apple').done
      const held = upstream.hold()
      const turn = session.send('Count')
      held.send('one ', 'two ')
      await untilText(turn, 'two ')
      await until(async () =>
        (await query(home, 'select events from turn_checkpoints')).some(({ events }) =>
          String(events).includes('two '),
        ),
      )
      held.send('three ', 'four ')
      await untilText(turn, 'four ')
      await parley.stop('SIGKILL')
      await untilState(session, 'waiting')
      const next = await again()
      const result = await letTimePass({ parley: next, proxy }, [clock], () => turn.done)
      expect(result).toMatchObject({
        outcome: 'interrupted',
        error: { code: 'interrupted' },
        usage: { estimated: true },
      })
      const direct = connect({ url: next.url, token: next.key })
      const { text } = await direct.turn(turn.id!).get()
      expect(result.text).toBe(text)
      expect(text.startsWith('one two ')).toBe(true)
      expect((await session.send('Go on').done).text).toBe('You said: Go on')
      expect(JSON.stringify(upstream.requests.at(-1)!.body.messages)).toContain('Remember the apple')
    })

    it('kill -9 before it is known whether the message arrived: it is one turn, whatever became of it', async () => {
      const held = upstream.hold()
      proxy.stall()
      const turn = session.send('Lost?')
      // The server is gone before anything could come back; whether the frame was in is left to the network.
      await parley.stop('SIGKILL')
      const next = await again()
      const answered = letTimePass({ parley: next, proxy }, [clock], () => turn.done)
      await held.request
      held.send('Found')
      held.finish()
      expect(await answered).toMatchObject({ outcome: 'completed', text: 'Found' })
      expect(await query(home, 'select status from turns')).toEqual([{ status: 'completed' }])
    })

    it('kill -9 after the message arrived and before the answer to it did: it is not said twice', async () => {
      const held = upstream.hold()
      // Of what the server says from now on nothing arrives; what is said to it does.
      proxy.deafen()
      const turn = session.send('Said once')
      await held.request
      expect(turn.id).toBeUndefined()
      await parley.stop('SIGKILL')
      const next = await again()
      const result = await letTimePass({ parley: next, proxy }, [clock], () => turn.done)
      expect(result).toMatchObject({ outcome: 'interrupted', text: '' })
      expect(upstream.requests.length).toBe(1)
      expect(await query(home, 'select status from turns')).toEqual([{ status: 'interrupted' }])
    })

    it('SIGTERM: turns end, the connection is made anew, and the session goes on', async () => {
      const held = upstream.hold()
      held.send('Unfinished ')
      const turn = session.send('Hello')
      await untilText(turn, 'Unfinished ')
      const watcher = connect({ url: proxy.url, token: parley.key, clock: handClock() }).session('one', {
        applicationId: appId,
      })
      cleanUps.push(() => watcher.close())
      const seen = await nextTurn(watcher)
      expect(await parley.stop('SIGTERM')).toBe(0)
      expect(await turn.done).toMatchObject({
        outcome: 'interrupted',
        text: 'Unfinished ',
        error: { code: 'interrupted' },
      })
      expect((await seen.done).outcome).toBe('interrupted')
      await untilState(session, 'waiting')
      await again()
      expect((await session.send('Again').done).text).toBe('You said: Again')
    })
  })
