import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Envelope, emptyTurn, noUsage, type Part, partsOf, type TurnEvent, textOf } from '#contracts/index.ts'
import { frameEncoder } from '#doors/chat-socket/frames.ts'
import { checkpoints, playTurn, turnScript } from '#test/support/random-turns.ts'
import { LiveLog, visibleTo } from '#turns/live-log.ts'
import { foldLog, mergeDeltas, replayAfter } from '#turns/stored-log.ts'
import { fold, noTurn, type TurnEvent as TurnFrame, type TurnState } from '../../client/src/index.ts'

/** A connection: when it comes so much of the turn has happened, and it breaks after so many frames. */
interface Connection {
  at: number
  frames: number
}

const connection: fc.Arbitrary<Connection> = fc.record({ at: fc.nat(400), frames: fc.nat(60) })
const connections = fc.array(connection, { maxLength: 5 })

/** What the server sends a client that comes with this cursor: what is there, then live to the end. */
function live(raw: readonly Envelope[], at: number, cursor: number): Envelope[] {
  const log = new LiveLog('turn', () => 0)
  log.open()
  for (const envelope of raw.slice(0, at)) log.publish(envelope)
  const there = log.after(Math.min(cursor, log.seq))
  const reached = there.at(-1)?.seq ?? Math.min(cursor, log.seq)
  return [...there, ...raw.filter(({ seq }) => seq > reached)]
}

/** Frames as they come over the wire; `state` is how the turn ended. */
function framesOf(envelopes: readonly Envelope[], state: Parameters<ReturnType<typeof frameEncoder>>[1]): TurnFrame[] {
  const encode = frameEncoder({ id: 'turn', createdAt: 0 })
  const visible = visibleTo('caller', [...envelopes])
  return visible.flatMap((envelope) => JSON.parse(JSON.stringify(encode(envelope, state))) as TurnFrame[])
}

/** Every frame comes twice: a repeat changes nothing. */
function receive(state: TurnState, frames: readonly TurnFrame[]): TurnState {
  return frames.reduce((before, frame) => {
    const after = fold(before, frame)
    const repeated = fold(after, frame)
    if (repeated.text !== after.text || (repeated !== after && !frame.type.endsWith('-reset')))
      expect.fail(`a repeated ${frame.type} changes what is shown`)
    return after
  }, state)
}

/** What a process leaves that died, and the reaper closed: results for open calls, and the end. */
function reaped(kept: Envelope[]): Envelope[] {
  const out = [...kept]
  const push = (event: TurnEvent) => {
    const seq = (out.at(-1)?.seq ?? 0) + 1
    out.push({ turnId: 'turn', seq, at: 0, audience: 'members', path: [], event })
  }
  const keptSeq = kept.at(-1)?.seq ?? 0
  if (kept.length === 0) push({ type: 'turn-start', model: 'm' })
  const done = new Set(kept.flatMap(({ event }) => (event.type === 'tool-result' ? [event.callId] : [])))
  for (const { event } of kept)
    if (event.type === 'tool-call' && !done.has(event.callId))
      push({ type: 'tool-result', callId: event.callId, name: event.name, result: 'Interrupted.', isError: true })
  push({
    type: 'turn-end',
    outcome: 'interrupted',
    finishReason: 'error',
    error: { code: 'interrupted', message: 'It died', details: { keptSeq } },
    usage: noUsage,
    costMicros: 0,
  })
  return out
}

/** What the server has is what the client shows. */
function expectSame(shown: TurnState, envelopes: readonly Envelope[]): void {
  const state = foldLog(envelopes, emptyTurn)
  const parts = JSON.parse(JSON.stringify(partsOf(state))) as Part[]
  expect(shown.status).toBe(state.status)
  expect(shown.text).toBe(textOf(parts))
  expect(shown.parts.map(({ kind, text }) => (kind === 'text' ? text : '')).join('')).toBe(textOf(parts))
  expect(shown.thinking).toBe(parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join(''))
  const results = new Map(parts.flatMap((part) => (part.type === 'tool-result' ? [[part.callId, part] as const] : [])))
  const calls = parts.flatMap((part) => {
    if (part.type !== 'tool-call') return []
    const { callId, name, arguments: given } = part
    const answer = results.get(callId)
    return [{ callId, name, arguments: given, result: answer?.result, isError: answer?.isError ?? false }]
  })
  const byId = (a: { callId: string }, b: { callId: string }) => (a.callId < b.callId ? -1 : 1)
  expect(shown.toolCalls.map(({ seq: _, ...call }) => call).sort(byId)).toEqual(calls.sort(byId))
  expect(shown.sources.map(({ content }) => content)).toEqual(
    parts.flatMap((part) => (part.type === 'source' ? [part.source.content] : [])),
  )
}

describe('the fold of the client', () => {
  it('comes to the server’s text through any number of connections', () =>
    fc.assert(
      fc.asyncProperty(turnScript, connections, fc.boolean(), async (script, broken, isOver) => {
        const { raw } = await playTurn(script)
        const end = foldLog(raw, emptyTurn)
        let state = noTurn
        let reached = 0
        for (const { at, frames } of broken) {
          reached = Math.max(reached, at % raw.length)
          state = receive(state, framesOf(live(raw, reached, state.cursor), end).slice(0, frames))
        }
        const last = isOver ? replayAfter(mergeDeltas(raw), state.cursor) : live(raw, reached, state.cursor)
        expectSame(receive(state, framesOf(last, end)), raw)
      }),
      { numRuns: 200, endOnFailure: true },
    ))

  it('comes to what was kept, when the server died after it had told more', () =>
    fc.assert(
      fc.asyncProperty(turnScript, connections, fc.nat(400), connections, async (script, before, died, after) => {
        const { raw } = await playTurn(script)
        const end = foldLog(raw, emptyTurn)
        let state = noTurn
        for (const { at, frames } of before)
          state = receive(state, framesOf(live(raw.slice(0, -1), at, state.cursor), end).slice(0, frames))
        const kept = checkpoints(raw.slice(0, died % raw.length), []).flatMap(({ events }) => events)
        const log = reaped(kept)
        const closed = foldLog(log, emptyTurn)
        for (const { frames } of after)
          state = receive(state, framesOf(replayAfter(log, state.cursor), closed).slice(0, frames))
        expectSame(receive(state, framesOf(replayAfter(log, state.cursor), closed)), log)
      }),
      { numRuns: 300 },
    ))

  it('takes the result that was kept for one that was told and lost', () => {
    const about = { turn_id: 'turn', timestamp: '', tool_call_id: 'c', name: 'look_up' }
    const told = [
      { type: 'tool_call', ...about, arguments: '{}', seq: 3 },
      { type: 'tool_result', ...about, result: 'Found it.', is_error: false, seq: 6 },
      // The server died after the call had been kept: it answers the call itself, under a number that it had used.
      { type: 'tool_result', ...about, result: 'Interrupted.', is_error: true, seq: 4 },
    ] as TurnFrame[]
    expect(receive(noTurn, told).toolCalls).toMatchObject([{ callId: 'c', result: 'Interrupted.', isError: true }])
  })
})
