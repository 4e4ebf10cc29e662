import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import {
  copyOf,
  type Envelope,
  emptyTurn,
  foldInto,
  growingText,
  isDelta,
  type TurnEvent,
  type TurnState,
} from '#contracts/index.ts'

type EventOf<T extends TurnEvent['type']> = Extract<TurnEvent, { type: T }>

const of = <T extends TurnEvent['type']>(log: readonly Envelope[], type: T): EventOf<T>[] =>
  log.map(({ event }) => event).filter((event): event is EventOf<T> => event.type === type)

/** The guarantees of docs/TURNS.md that a log can be held to by itself. Merged logs have gaps in seq: `merged`. */
export function expectGuarantees(log: readonly Envelope[], options: { merged?: boolean } = {}): void {
  const seqs = log.map(({ seq }) => seq)
  if (options.merged) expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
  else expect(seqs).toEqual(log.map((_, index) => index + 1))

  expect(log.map(({ event }) => event.type).filter((type) => type === 'turn-start' || type === 'turn-end')).toEqual([
    'turn-start',
    'turn-end',
  ])
  expect(log[0]!.event.type).toBe('turn-start')
  expect(log.at(-1)!.event.type).toBe('turn-end')
  expectEnds(log)
  expectAnswered(log)
}

/** Every start has its end, once, and nothing is said of a part outside of them. */
function expectEnds(log: readonly Envelope[]): void {
  const open = new Set<number>()
  let begun = -1
  let calling: number | undefined
  for (const { event } of log) {
    if (event.type === 'part-start') {
      expect(event.part, 'parts are numbered in the order they begin').toBe(begun + 1)
      begun = event.part
      open.add(event.part)
    } else if (event.type === 'part-end') {
      expect(open.delete(event.part), `part ${event.part} ends once`).toBe(true)
    } else if (isDelta(event)) expect(open.has(event.part), `part ${event.part} is open`).toBe(true)
    else if (event.type === 'model-start') {
      expect(calling, 'one model call at a time').toBeUndefined()
      calling = event.step
    } else if (event.type === 'model-end') {
      expect(event.step).toBe(calling)
      calling = undefined
    }
  }
  expect([...open], 'parts left open').toEqual([])
  expect(calling, 'a model call left open').toBeUndefined()
}

/** Every tool call gets one result, or the turn ends paused or cancelled; no result is of no call. */
function expectAnswered(log: readonly Envelope[]): void {
  const calls = of(log, 'tool-call').map((event) => event.callId)
  const results = of(log, 'tool-result').map((event) => event.callId)
  expect(new Set(results).size, 'one result a call').toBe(results.length)
  for (const result of results) expect(calls).toContain(result)
  const [end] = of(log, 'turn-end')
  if (end!.outcome === 'cancelled') return
  if (end!.outcome === 'paused') expect(calls.length, 'a paused turn waits').toBeGreaterThan(results.length)
  else expect([...results].sort()).toEqual([...calls].sort())
}

/** Folds as a reader does, everything it is given. `from` stays as it is. */
export function fold(events: readonly Envelope[], from: TurnState = emptyTurn): TurnState {
  const state = copyOf(from)
  for (const { event } of events) foldInto(state, event)
  return state
}

/** `expect(actual).toEqual(expected)` where it is asked a million times: said by `expect` only when it is not so. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected)
}

/** Deltas joined are the final text, part by part. */
export function expectDeltasJoin(raw: readonly Envelope[], state: TurnState): void {
  const joined = new Map<number, string>()
  for (const { event } of raw) if (isDelta(event)) joined.set(event.part, (joined.get(event.part) ?? '') + event.text)
  for (const entry of state.parts)
    if (entry.number !== undefined) expect(growingText(entry.part)).toBe(joined.get(entry.number) ?? '')
}
