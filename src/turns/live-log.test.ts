import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Envelope, emptyTurn } from '#contracts/index.ts'
import { expectDeltasJoin, expectGuarantees, expectSame, fold } from '#test/support/guarantees.ts'
import { playTurn, turnScript } from '#test/support/random-turns.ts'
import { breath } from '#test/support/scripted-model.ts'
import { LiveLog } from './live-log.ts'
import { foldLog } from './stored-log.ts'

const runs = { numRuns: 150 }

describe('the log of a turn, whatever happens in it', () => {
  it('keeps the guarantees of docs/TURNS.md', () =>
    fc.assert(
      fc.asyncProperty(turnScript, async (script) => {
        const { raw } = await playTurn(script)
        expectGuarantees(raw)
        expectDeltasJoin(raw, fold(raw))
      }),
      runs,
    ))

  it('folds to the same state from every cursor, as it is and when it has ended', () =>
    fc.assert(
      fc.asyncProperty(turnScript, async (script) => {
        const { raw, log } = await playTurn(script)
        const whole = fold(raw)
        let seen = emptyTurn
        expectSame(fold(log.after(0)), whole)
        expectSame(fold(log.compact(0)), whole)
        for (const [index, envelope] of raw.entries()) {
          seen = fold([envelope], seen)
          expectSame(fold(log.after(index + 1), seen), whole)
          expectSame(fold(log.compact(index + 1), seen), whole)
        }
      }),
      { numRuns: 60 },
    ))

  it('folds to the same state wherever a reader breaks off in what it missed, and comes back', () =>
    fc.assert(
      fc.asyncProperty(turnScript, fc.nat(100), async (script, position) => {
        const { raw, log } = await playTurn(script)
        const whole = fold(raw)
        const cursor = position % raw.length
        const missed = log.after(cursor)
        let seen = fold(raw.slice(0, cursor))
        for (const envelope of missed) {
          seen = fold([envelope], seen)
          expectSame(fold(log.after(envelope.seq), seen), whole)
        }
      }),
      { numRuns: 60 },
    ))

  it('folds to the same state from every cursor while it still grows', () =>
    fc.assert(
      fc.asyncProperty(turnScript, fc.array(fc.nat(200), { minLength: 1, maxLength: 20 }), async (script, looks) => {
        const states = [emptyTurn]
        let raw: Envelope[] = []
        await playTurn(script, {
          onAppend(log) {
            const newest = log.after(log.seq - 1)
            raw = [...raw, ...newest]
            states.push(fold(newest, states.at(-1)))
            const behind = looks[log.seq % looks.length]!
            const cursor = Math.max(0, log.seq - behind)
            expectSame(fold(log.after(cursor), states[cursor]), states.at(-1))
            expectSame(fold(log.compact(cursor), states[cursor]), states.at(-1))
          },
        })
      }),
      { numRuns: 60 },
    ))

  it('gives readers of any speed every event once and in order, merged where they fell behind', () =>
    fc.assert(
      fc.asyncProperty(
        turnScript,
        fc.array(fc.array(fc.nat(4), { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 4 }),
        async (script, speeds) => {
          const reading: Promise<{ seqs: number[]; state: ReturnType<typeof fold> }>[] = []
          const { raw } = await playTurn(script, {
            onAppend(log) {
              if (log.seq === 1) reading.push(...speeds.map((pauses) => read(log, pauses)))
            },
          })
          const whole = fold(raw)
          for (const { seqs, state } of await Promise.all(reading)) {
            expect(state).toEqual(whole)
            expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
            expect(seqs.at(-1)).toBe(raw.at(-1)!.seq)
          }
        },
      ),
      { numRuns: 80 },
    ))
})

async function read(log: LiveLog, pauses: number[]) {
  const seqs: number[] = []
  let state = emptyTurn
  let taken = 0
  for await (const batch of log.reader(0, 'internal')) {
    for (const envelope of batch) seqs.push(envelope.seq)
    state = fold(batch, state)
    for (let pause = pauses[taken++ % pauses.length]!; pause > 0; pause--) await breath()
  }
  return { seqs, state }
}

describe('a live log', () => {
  it('shows nothing before it is open', async () => {
    const log = new LiveLog('t', () => 0)
    log.append({ type: 'turn-start', model: 'm' })
    expect(log.after(0)).toEqual([])
    const next = log.reader(0, 'caller').next()
    log.open()
    expect((await next).value).toHaveLength(1)
  })

  it('gives a failure to readers, waiting and new ones, and takes it back when it is over', async () => {
    const log = new LiveLog('t', () => 0)
    log.append({ type: 'turn-start', model: 'm' })
    const waiting = log.reader(0, 'caller').next()
    log.fail(new Error('disk full'))
    await expect(waiting).rejects.toThrow('disk full')
    await expect(log.reader(0, 'caller').next()).rejects.toThrow('disk full')
    log.recover()
    expect((await log.reader(0, 'caller').next()).value).toHaveLength(1)
  })

  it('filters by audience before anybody sees an event', async () => {
    const log = new LiveLog('t', () => 0)
    log.open()
    log.append({ type: 'turn-start', model: 'm' })
    log.append({ type: 'thought', content: 'secret' }, 'internal')
    log.append({ type: 'thought', content: 'for you' }, 'caller')
    log.append({ type: 'thought', content: 'for all' })
    const contents = async (viewer: 'caller' | 'member' | 'internal') => {
      const { value } = await log.reader(1, viewer).next()
      return (value as Envelope[]).map(({ event }) => event.type === 'thought' && event.content)
    }
    expect(await contents('internal')).toEqual(['secret', 'for you', 'for all'])
    expect(await contents('caller')).toEqual(['for you', 'for all'])
    expect(await contents('member')).toEqual(['for all'])
    expect(foldLog(log.after(0), emptyTurn).model).toBe('m')
  })

  it('gives a reader that claims to have seen more than there is what comes next, and the end', async () => {
    const log = new LiveLog('t', () => 0)
    log.open()
    log.append({ type: 'turn-start', model: 'm' })
    const reader = log.reader(1_000_000, 'caller')
    log.append({ type: 'thought', content: 'next' })
    log.end()
    expect((await reader.next()).value).toMatchObject([{ seq: 2 }])
    expect((await reader.next()).done).toBe(true)
  })

  it('says when its last reader has left, and ends a reader that leaves while it waits', async () => {
    const log = new LiveLog('t', () => 0)
    log.open()
    let deserted = 0
    log.onDeserted = () => deserted++
    const one = log.reader(0, 'caller')
    const two = log.reader(0, 'caller')
    const pending = one.next()
    await one.return()
    expect((await pending).done).toBe(true)
    await one.return()
    expect(deserted).toBe(0)
    await two.return()
    expect(deserted).toBe(1)
  })

  it('keeps nothing of readers that have left while nothing happened', async () => {
    const log = new LiveLog('turn', Date.now)
    log.open()
    const stays = log.reader(0, 'caller')
    const next = stays.next()
    for (let i = 0; i < 100; i++) {
      const reader = log.reader(0, 'caller')
      const asked = reader.next()
      await reader.return()
      expect((await asked).done).toBe(true)
    }
    expect((log as unknown as { waiting: unknown[] }).waiting).toEqual([stays])
    log.end()
    expect((await next).done).toBe(true)
  })

  it('deserts nobody who is over: nothing is kept waiting for a reader to come back', async () => {
    const log = new LiveLog('t', () => 1)
    let deserted = 0
    log.onDeserted = () => deserted++
    const reader = log.reader(0, 'caller')
    const other = log.reader(0, 'caller')
    log.append({ type: 'turn-start', model: 'm' })
    log.open()
    log.end()
    for await (const _ of reader);
    await other.return()
    expect({ deserted, readers: log.readers }).toEqual({ deserted: 0, readers: 0 })
  })
})

describe('a reader that missed much', () => {
  it('gets it in pieces, each text once and every event in its place', async () => {
    const log = new LiveLog('t', () => 1)
    log.append({ type: 'turn-start', model: 'm' })
    const texts = ['', '']
    for (const part of [0, 1]) log.append({ type: 'part-start', part, kind: 'text' })
    for (let n = 0; n < 400; n++) {
      const part = n % 3 === 0 ? 1 : 0
      const text = `${n}`.padEnd(1000, '.')
      texts[part] += text
      log.append({ type: 'text-delta', part, text })
      if (n % 50 === 0) log.append({ type: 'thought', content: `${n}` })
    }
    log.open()
    log.end()
    const seen = ['', '']
    const thoughts: string[] = []
    let last = 0
    let batches = 0
    for await (const batch of log.reader(0, 'caller')) {
      batches++
      let length = 0
      for (const { seq, event } of batch) {
        expect(seq).toBeGreaterThan(last)
        last = seq
        if (event.type === 'thought') thoughts.push(event.content)
        if (event.type !== 'text-delta') continue
        seen[event.part] += event.text
        length += event.text.length
      }
      expect(length).toBeLessThan(2 * 66_000)
    }
    expect(seen).toEqual(texts)
    expect(thoughts).toEqual(['0', '50', '100', '150', '200', '250', '300', '350'])
    expect(batches).toBeGreaterThan(3)
  })
})
