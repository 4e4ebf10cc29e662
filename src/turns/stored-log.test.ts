import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Envelope,
  emptyTurn,
  growingText,
  type Part,
  partsOf,
  reduce,
  type TurnEnd,
  type TurnEvent,
  type TurnStart,
  type TurnState,
} from '#contracts/index.ts'
import { expectGuarantees, fold } from '#test/support/guarantees.ts'
import { checkpoints, playTurn, turnScript } from '#test/support/random-turns.ts'
import { foldLog, fromStoredLog, type LogOfRow, mergeDeltas, replayAfter, toStoredLog } from './stored-log.ts'

/** As a database gives it back. */
const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

async function settled(script: Parameters<typeof playTurn>[0]) {
  const { raw, log } = await playTurn(script)
  const compact = log.compact(0)
  const parts = stored<Part[]>(partsOf(foldLog(compact, emptyTurn)))
  return { raw, compact, parts, log: fromStoredLog(toStoredLog(compact, upstreamOf(compact)), parts, rowOf(compact)) }
}

/** What the row of this turn tells. */
function rowOf(log: readonly Envelope[]): LogOfRow {
  const [first, last] = [log[0]!, log.at(-1)!]
  const upstream = upstreamOf(log)
  return { turnId: 'turn', startedAt: first.at, start: first.event as TurnStart, end: last.event as TurnEnd, upstream }
}

function upstreamOf(log: readonly Envelope[]): string {
  return log.map(({ event }) => event).find((event) => event.type === 'model-end')?.upstream ?? ''
}

describe('the stored log of any turn', () => {
  it('comes back as it was, without keeping texts twice', () =>
    fc.assert(
      fc.asyncProperty(turnScript, async (script) => {
        const { compact, log } = await settled(script)
        expect(log).toEqual(stored(compact))
        expectGuarantees(log, { merged: true })
      }),
      { numRuns: 100 },
    ))

  it('comes back from a database in which it had itself what its row tells', () =>
    fc.assert(
      fc.asyncProperty(turnScript, async (script) => {
        const { compact, parts, log } = await settled(script)
        const events = new Map(compact.map(({ seq, event }) => [seq, event]))
        const kept = JSON.parse(toStoredLog(compact, upstreamOf(compact))) as [number, number, { type: string }?][]
        const older = kept.map((entry) => {
          const [seq, ms, event, ...rest] = entry
          const isTold = event === undefined || event.type.startsWith('model-')
          return isTold ? [seq, ms, events.get(seq), ...rest] : entry
        })
        const nobodys = { ...rowOf(compact), start: {}, end: {}, upstream: '' } as never
        expect(fromStoredLog(JSON.stringify(older), parts, nobodys)).toEqual(log)
      }),
      { numRuns: 50 },
    ))

  it('brings a reader at any cursor to the state that all others see', () =>
    fc.assert(
      fc.asyncProperty(turnScript, async (script) => {
        const { raw, log } = await settled(script)
        const whole = stored(fold(raw))
        let seen = emptyTurn
        expect(stored(fold(replayAfter(log, 0)))).toEqual(whole)
        for (const { seq, event } of raw) {
          seen = reduce(seen, event)
          const rest = replayAfter(log, seq)
          expect(rest.every((envelope) => envelope.seq > seq)).toBe(true)
          expect(stored(fold(rest, seen))).toEqual(whole)
        }
      }),
      { numRuns: 60 },
    ))

  it('gives every part in full, and the end, to a cursor from a future that was lost', () =>
    fc.assert(
      fc.asyncProperty(turnScript, fc.integer({ min: 1, max: 50 }), async (script, beyond) => {
        const { raw, log } = await settled(script)
        const whole = fold(raw)
        const lost = raw.map(({ event }) => event)
        const wrong = whole.parts
          .filter(({ number, part }) => number !== undefined && growingText(part) !== '')
          .map(({ number }) => ({ type: 'text-delta' as const, part: number!, text: ' and more' }))
        const seen = [...lost.slice(0, -1), ...wrong].reduce(reduce, emptyTurn)
        const right = fold(replayAfter(log, raw.length + beyond), seen)
        expect(right.status).toBe(whole.status)
        expect(partsOf(right)).toEqual(partsOf(whole))
      }),
      { numRuns: 60 },
    ))

  /** By part; a start that comes again is none of its own. */
  function textsOf({ parts }: TurnState): Map<number, string> {
    const texts = new Map<number, string>()
    for (const { number, part } of parts)
      if (number !== undefined) texts.set(number, (texts.get(number) ?? '') + growingText(part))
    return texts
  }

  it('says nothing twice to who is on his way back from a lost future, breaks off anywhere and has the last number he was given', () =>
    fc.assert(
      fc.asyncProperty(turnScript, fc.integer({ min: 1, max: 50 }), async (script, beyond) => {
        const { raw, log } = await settled(script)
        const last = log.at(-1)!
        const error = { code: 'interrupted' as const, message: 'It died', details: { keptSeq: last.seq - 1 } }
        const end = { ...last.event, outcome: 'interrupted', error } as TurnEvent
        const cut = [...log.slice(0, -1), { ...last, event: end }]
        const seen = raw.slice(0, -1).reduce((state, { event }) => reduce(state, event), emptyTurn)
        const all = replayAfter(cut, raw.length + beyond)
        for (let length = 1; length < all.length; length++) {
          const had = all.slice(0, length)
          const back = fold(replayAfter(cut, had.at(-1)!.seq), fold(had, seen))
          expect(textsOf(back)).toEqual(textsOf(fold(cut)))
        }
      }),
      { numRuns: 60 },
    ))

  it('is the same whether it was checkpointed or not', () =>
    fc.assert(
      fc.asyncProperty(turnScript, fc.array(fc.nat(300), { maxLength: 6 }), async (script, cuts) => {
        const { raw, compact } = await settled(script)
        const saved = checkpoints(raw, cuts).flatMap(({ events }) => events)
        expect(mergeDeltas(saved)).toEqual(compact)
        expect(fold(mergeDeltas(saved))).toEqual(fold(raw))
      }),
      { numRuns: 80 },
    ))
})
