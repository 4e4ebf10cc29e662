import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { playTurn, turnScript } from '#test/support/random-turns.ts'
import type { TurnEvent } from './turn-event.ts'
import { copyOf, emptyTurn, foldInto, logprobsOf, partsOf, reduce } from './turn-state.ts'
import { costMicros, noUsage } from './usage.ts'

const fold = (events: TurnEvent[], from = emptyTurn) => events.reduce(reduce, from)
const start = (part: number, kind: 'text' | 'audio' | 'tool-input' = 'text'): TurnEvent =>
  kind === 'tool-input'
    ? { type: 'part-start', part, kind, callId: `c${part}`, name: 'look', side: 'client' }
    : { type: 'part-start', part, kind }
const end: TurnEvent = { type: 'turn-end', outcome: 'completed', finishReason: 'stop', usage: noUsage, costMicros: 0 }

describe('reduce', () => {
  it('changes neither the state nor the event it is given', () =>
    fc.assert(
      fc.asyncProperty(turnScript, async (script) => {
        const { raw } = await playTurn(script)
        let state = emptyTurn
        for (const { event } of raw) {
          const [stateBefore, eventBefore] = [JSON.stringify(state), JSON.stringify(event)]
          const next = reduce(state, event)
          expect(JSON.stringify(state)).toBe(stateBefore)
          expect(JSON.stringify(event)).toBe(eventBefore)
          state = next
        }
      }),
      { numRuns: 20 },
    ))

  it('takes what three hundred thousand parts have to say without looking through all of them each time', () => {
    const state = copyOf(emptyTurn)
    for (let part = 0; part < 300_000; part++) foldInto(state, start(part))
    for (let part = 0; part < 300_000; part++) foldInto(state, { type: 'text-delta', part, text: `${part}` })
    expect(state.parts.at(-1)!.part).toEqual({ type: 'text', text: '299999' })
  })

  it('ignores what speaks of parts it does not know', () => {
    const state = fold([start(0), { type: 'text-delta', part: 0, text: 'a' }])
    expect(
      fold(
        [
          { type: 'text-delta', part: 9, text: 'x' },
          { type: 'part-end', part: 9 },
        ],
        state,
      ).parts,
    ).toEqual(state.parts)
  })

  it('keeps a tool call only when the model has finished writing it', () => {
    const written: TurnEvent[] = [start(0, 'tool-input'), { type: 'tool-input-delta', part: 0, text: '{' }]
    expect(partsOf(fold([...written, end]))).toEqual([])
    const called: TurnEvent = {
      type: 'tool-call',
      part: 0,
      callId: 'c0',
      name: 'look',
      arguments: '{}',
      side: 'client',
    }
    expect(partsOf(fold([...written, called, end]))).toEqual([
      { type: 'tool-call', callId: 'c0', name: 'look', arguments: '{}' },
    ])
  })

  it('replaces a part that is reset, with what came with its text, and makes it when it is not there', () => {
    const said = fold([start(0), { type: 'text-delta', part: 0, text: 'wrong', logprobs: [1] }])
    const right = fold([{ type: 'part-reset', part: 0, kind: 'text', text: 'right', logprobs: [2, 3] }], said)
    expect(partsOf(right)).toEqual([{ type: 'text', text: 'right' }])
    expect(logprobsOf(right)).toEqual([2, 3])
    expect(logprobsOf(fold([{ type: 'part-reset', part: 0, kind: 'text', text: 'right' }], said))).toBeUndefined()
    const heard = fold([start(0, 'audio'), { type: 'audio-delta', part: 0, text: 'AAAA', transcript: 'Hel' }])
    const reset: TurnEvent = { type: 'part-reset', part: 0, kind: 'audio', text: 'BBBB', transcript: 'Hello' }
    expect(partsOf(fold([reset], heard))).toEqual([{ type: 'audio', data: 'BBBB', format: '', transcript: 'Hello' }])
    expect(partsOf(fold([{ type: 'part-reset', part: 4, kind: 'reasoning', text: 'hm' }]))).toEqual([
      { type: 'reasoning', text: 'hm' },
    ])
  })

  it('adds up model calls, and takes the turn’s own sum at its end', () => {
    const call = (tokens: number): TurnEvent => ({
      type: 'model-end',
      step: 1,
      model: 'm',
      upstream: 'u',
      finishReason: 'stop',
      usage: { ...noUsage, inputTokens: tokens, outputTokens: 1 },
      costMicros: 5,
      latencyMs: 1,
    })
    const running = fold([call(3), call(4)])
    expect(running).toMatchObject({ usage: { inputTokens: 7, outputTokens: 2 }, costMicros: 10 })
    expect(reduce(running, end)).toMatchObject({ status: 'completed', usage: noUsage, costMicros: 0 })
  })
})

describe('costMicros', () => {
  const usage = { ...noUsage, inputTokens: 1000, outputTokens: 100, cachedInputTokens: 400 }

  it('charges cached tokens their own price, and no call with a price nothing', () => {
    expect(costMicros(usage, { input: 1_000_000, output: 2_000_000 })).toBe(1200)
    expect(costMicros(usage, { input: 1_000_000, output: 2_000_000, cachedInput: 250_000 })).toBe(900)
    expect(costMicros({ ...noUsage, inputTokens: 1 }, { input: 1, output: 1 })).toBe(1)
    expect(costMicros(noUsage, { input: 1, output: 1 })).toBe(0)
  })
})
