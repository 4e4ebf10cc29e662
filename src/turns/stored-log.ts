import {
  type Audience,
  copyOf,
  type DeltaEvent,
  type Envelope,
  foldInto,
  growingText,
  isDelta,
  type Part,
  type TurnEnd,
  type TurnEvent,
  type TurnStart,
  type TurnState,
} from '#contracts/index.ts'
import { extrasOf } from './delta-extras.ts'

/** [seq, ms since the turn's start, event, audience?, path?]: the last two only where they are not the usual ones. */
type StoredEntry = [number, number, Record<string, unknown>, Audience?, (readonly string[])?]

/** The turn's start and its end, which its row tells: only when they were is kept here. */
type EntryOfRow = [number, number]

/**
 * A compact log → JSON for turn_outputs.log. What stands elsewhere is not kept twice: the text of a part in
 * turn_outputs.parts (its delta is stored without it), the turn's start and end in its row.
 */
export function toStoredLog(envelopes: readonly Envelope[]): string {
  const start = envelopes[0]?.at ?? 0
  const stored = envelopes.map(({ seq, at, event, audience, path }): StoredEntry | EntryOfRow => {
    if (event.type === 'turn-start' || event.type === 'turn-end') return [seq, at - start]
    const kept: Record<string, unknown> = standsInParts(event) ? { ...event, text: undefined } : (event as never)
    if (path.length > 0) return [seq, at - start, kept, audience, path]
    return audience === 'members' ? [seq, at - start, kept] : [seq, at - start, kept, audience]
  })
  return JSON.stringify(stored)
}

/** What a turn's row tells of its log. `startedAt` is unix ms. */
export interface LogOfRow {
  turnId: string
  startedAt: number
  start: TurnStart
  end: TurnEnd
}

/** The other way. `parts` are those stored with the log. A log from before start and end were left to the row has them itself. */
export function fromStoredLog(log: string, parts: readonly Part[], row: LogOfRow): Envelope[] {
  const { turnId, startedAt } = row
  const entries = (JSON.parse(log) as (StoredEntry | EntryOfRow)[]).map(
    (entry, index): StoredEntry =>
      entry.length > 2 ? (entry as StoredEntry) : [entry[0], entry[1], { ...(index === 0 ? row.start : row.end) }],
  )
  const texts = textByPart(entries, parts)
  return entries.map(([seq, ms, stored, audience = 'members', path = []]) => {
    const event = stored as never as Envelope['event']
    return {
      turnId,
      seq,
      at: startedAt + ms,
      audience,
      path,
      event: standsInParts(event) ? { ...event, text: texts.get(event.part) ?? '' } : event,
    }
  })
}

/** Tool inputs keep their text in the log: one that was never finished is in no part. */
function standsInParts(event: TurnEvent): event is DeltaEvent {
  return isDelta(event) && event.type !== 'tool-input-delta'
}

/** Streamed parts stand among the stored parts in the order in which they began. */
function textByPart(entries: StoredEntry[], parts: readonly Part[]): Map<number, string> {
  const streamed = parts.filter((part) => streamedTypes.has(part.type))
  const texts = new Map<number, string>()
  let next = 0
  for (const [, , event] of entries)
    if (event.type === 'part-start' && event.kind !== 'tool-input') {
      const part = streamed[next++]
      if (part) texts.set(event.part as number, growingText(part))
    }
  return texts
}

const streamedTypes = new Set<Part['type']>(['text', 'reasoning', 'refusal', 'audio'])

/** Merges the deltas of each part into one at the place of its last, as LiveLog.compact does. */
export function mergeDeltas(envelopes: readonly Envelope[]): Envelope[] {
  const deltas = new Map<number, (Envelope & { event: DeltaEvent })[]>()
  const out: Envelope[] = []
  for (const envelope of envelopes) {
    const { event } = envelope
    if (!isDelta(event)) out.push(envelope)
    else {
      const before = deltas.get(event.part)
      if (before) before.push({ ...envelope, event })
      else deltas.set(event.part, [{ ...envelope, event }])
    }
  }
  for (const all of deltas.values()) {
    const last = all.at(-1)!
    const text = all.map(({ event }) => event.text).join('')
    out.push({ ...last, event: { ...last.event, text, ...extrasOf(all) } })
  }
  return out.sort((a, b) => a.seq - b.seq)
}

/** Folds a log's events. Parts that only internal events speak of are no part of the answer. */
export function foldLog(envelopes: readonly Envelope[], from: TurnState): TurnState {
  const state = copyOf(from)
  for (const { event, audience } of envelopes)
    if (audience !== 'internal' || event.type === 'model-end') foldInto(state, event)
  return state
}

/**
 * A stored turn as a reader at `cursor` needs it. A cursor that points into the middle of a part gets that part in full
 * by `part-reset`. One beyond what the turn's own process left (a crash took the rest, and its numbers were given again
 * to the closing) gets every part so, and the closing.
 */
export function replayAfter(envelopes: readonly Envelope[], cursor: number): Envelope[] {
  const kept = keptSeq(envelopes) ?? envelopes.at(-1)?.seq ?? 0
  if (cursor > kept) return rewind(envelopes, kept)
  return envelopes
    .filter((envelope) => envelope.seq > cursor)
    .map((envelope) => {
      if (!isDelta(envelope.event)) return envelope
      // Some of this merged delta may have been seen: how much, the stored log no longer knows.
      const start = startOf(envelopes, envelope.event.part)
      return start && start.seq < cursor ? reset(envelope, envelopes) : envelope
    })
}

/** How far the log goes that the turn's own process wrote, where another one has closed it. */
function keptSeq(envelopes: readonly Envelope[]): number | undefined {
  const end = envelopes.at(-1)?.event
  const kept = end?.type === 'turn-end' && end.outcome === 'interrupted' ? end.error?.details?.keptSeq : undefined
  return typeof kept === 'number' ? kept : undefined
}

/** For a cursor from a future that did not come to be: every part in full, then how it ended instead. */
function rewind(envelopes: readonly Envelope[], kept: number): Envelope[] {
  const parts = envelopes.filter(({ event }) => isDelta(event)).map((envelope) => reset(envelope, envelopes))
  const last = envelopes.at(-1)
  return [...parts, ...envelopes.filter((envelope) => envelope.seq > kept || envelope === last)]
}

function startOf(envelopes: readonly Envelope[], part: number): Envelope | undefined {
  return envelopes.find(({ event }) => event.type === 'part-start' && event.part === part)
}

function reset(merged: Envelope, envelopes: readonly Envelope[]): Envelope {
  const { type: _, part, ...content } = merged.event as DeltaEvent
  const start = startOf(envelopes, part)
  const kind = start?.event.type === 'part-start' ? start.event.kind : 'text'
  return { ...merged, event: { type: 'part-reset', part, kind, ...content } }
}
