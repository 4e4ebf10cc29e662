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
import { extrasOf, hasExtras } from './delta-extras.ts'

/** [seq, ms since the turn's start, event, audience?, path?]: the last two only where they are not the usual ones. */
type StoredEntry = [number, number, Record<string, unknown>, Audience?, (readonly string[])?]

/** The turn's start and its end, which its row tells: only when they were is kept here. */
type EntryOfRow = [number, number]

/**
 * A compact log → JSON for turn_outputs.log: a list of StoredEntry and EntryOfRow. What stands elsewhere is not kept twice:
 * the text of a part in turn_outputs.parts (its delta is stored without it), the turn's start and end in its row, and
 * there also what the call of a model has to tell in a turn with one call. `upstream` is the row's.
 */
export function toStoredLog(envelopes: readonly Envelope[], upstream: string): string {
  const [first, last] = [envelopes[0], envelopes.at(-1)?.event]
  const startedAt = first?.at ?? 0
  const row = first?.event.type === 'turn-start' &&
    last?.type === 'turn-end' && { start: first.event, end: last, upstream }
  let json = ''
  for (const { seq, at, event, audience, path } of envelopes) {
    json += `${json === '' ? '' : ','}[${seq},${at - startedAt}`
    if (event.type !== 'turn-start' && event.type !== 'turn-end') {
      json += `,${toStoredEvent(event, row || undefined)}`
      if (path.length > 0) json += `,"${audience}",${JSON.stringify(path)}`
      else if (audience !== 'members') json += `,"${audience}"`
    }
    json += ']'
  }
  return `[${json}]`
}

/** What every answer has, and is numbers and our own words, is put together here: JSON.stringify would cost ten times as much. */
function toStoredEvent(event: TurnEvent, row: ToldByRow | undefined): string {
  switch (event.type) {
    case 'model-start':
      if (!row || event.model !== row.start.model || event.upstream !== row.upstream) break
      return `{"type":"model-start","step":${event.step}}`
    case 'model-end': {
      const { step, latencyMs, responseId } = event
      if (!row || !isToldByRow(event, row)) break
      const id = responseId === undefined ? '' : `,"responseId":${JSON.stringify(responseId)}`
      return `{"type":"model-end","step":${step},"latencyMs":${latencyMs}${id}}`
    }
    case 'part-start':
      if (event.kind === 'tool-input') break
      return `{"type":"part-start","part":${event.part},"kind":"${event.kind}"}`
    case 'part-end':
      if (event.signature !== undefined) break
      return `{"type":"part-end","part":${event.part}}`
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      if (hasExtras(event)) break
      return `{"type":"${event.type}","part":${event.part}}`
  }
  return JSON.stringify(standsInParts(event) ? { ...event, text: undefined } : event)
}

type ModelEnd = Extract<TurnEvent, { type: 'model-end' }>

function isToldByRow(event: ModelEnd, { start, end, upstream }: ToldByRow): boolean {
  const { usage } = event
  return (
    event.model === start.model &&
    event.upstream === upstream &&
    event.finishReason === end.finishReason &&
    event.costMicros === end.costMicros &&
    usage.inputTokens === end.usage.inputTokens &&
    usage.outputTokens === end.usage.outputTokens &&
    usage.cachedInputTokens === end.usage.cachedInputTokens &&
    usage.reasoningTokens === end.usage.reasoningTokens &&
    usage.estimated === end.usage.estimated &&
    event.systemFingerprint === undefined &&
    event.serviceTier === undefined
  )
}

/** An event as it is kept → as it was, but for texts. */
function fromStoredEvent(
  stored: Record<string, unknown>,
  { start, end, upstream }: ToldByRow,
): Record<string, unknown> {
  const { model } = start
  if (stored.type === 'model-start') return { model, upstream, ...stored }
  if (stored.type !== 'model-end') return stored
  const { finishReason, usage, costMicros } = end
  return { model, upstream, finishReason, usage, costMicros, ...stored }
}

/** What a turn's row tells of its events. */
interface ToldByRow {
  start: TurnStart
  end: TurnEnd
  upstream: string
}

/** What a turn's row tells of its log. `startedAt` is unix ms. */
export interface LogOfRow extends ToldByRow {
  turnId: string
  startedAt: number
}

/** The other way. `parts` are those stored with the log. A log from before this was left to the row has it itself. */
export function fromStoredLog(log: string, parts: readonly Part[], row: LogOfRow): Envelope[] {
  const { turnId, startedAt } = row
  const entries = (JSON.parse(log) as (StoredEntry | EntryOfRow)[]).map(
    (entry, index): StoredEntry =>
      entry.length > 2 ? (entry as StoredEntry) : [entry[0], entry[1], { ...(index === 0 ? row.start : row.end) }],
  )
  const texts = textByPart(entries, parts)
  return entries.map(([seq, ms, stored, audience = 'members', path = []]) => {
    const event = fromStoredEvent(stored, row) as never as Envelope['event']
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
 * to the closing) gets every part so, and the closing. Whoever breaks off on that way back has a cursor before parts that he
 * has already: of such a turn all parts come in full, but to who has nothing.
 */
export function replayAfter(envelopes: readonly Envelope[], cursor: number): Envelope[] {
  const cut = keptSeq(envelopes)
  const kept = cut ?? envelopes.at(-1)?.seq ?? 0
  const starts = startsOf(envelopes)
  if (cursor > kept) return rewind(envelopes, kept, starts)
  return envelopes
    .filter((envelope) => envelope.seq > cursor)
    .map((envelope) => {
      if (!isDelta(envelope.event)) return envelope
      // Some of this merged delta may have been seen: how much, the stored log no longer knows.
      const start = starts.get(envelope.event.part)
      return start && (start.seq < cursor || (cut !== undefined && cursor > 0)) ? reset(envelope, start) : envelope
    })
}

/** How far the log goes that the turn's own process wrote, where another one has closed it. */
function keptSeq(envelopes: readonly Envelope[]): number | undefined {
  const end = envelopes.at(-1)?.event
  const kept = end?.type === 'turn-end' && end.outcome === 'interrupted' ? end.error?.details?.keptSeq : undefined
  return typeof kept === 'number' ? kept : undefined
}

/** For a cursor from a future that did not come to be: every part in full, then how it ended instead. */
function rewind(envelopes: readonly Envelope[], kept: number, starts: PartStarts): Envelope[] {
  const parts = envelopes.flatMap((envelope) =>
    isDelta(envelope.event) ? [reset(envelope, starts.get(envelope.event.part))] : [],
  )
  const last = envelopes.at(-1)
  return [...parts, ...envelopes.filter((envelope) => envelope.seq > kept || envelope === last)]
}

type PartStarts = ReadonlyMap<number, Envelope & { event: PartStart }>
type PartStart = Extract<TurnEvent, { type: 'part-start' }>

function startsOf(envelopes: readonly Envelope[]): PartStarts {
  const starts = new Map<number, Envelope & { event: PartStart }>()
  for (const envelope of envelopes) {
    const { event } = envelope
    if (event.type === 'part-start' && !starts.has(event.part)) starts.set(event.part, { ...envelope, event })
  }
  return starts
}

function reset(merged: Envelope, start: { event: PartStart } | undefined): Envelope {
  const { type: _, part, ...content } = merged.event as DeltaEvent
  return { ...merged, event: { type: 'part-reset', part, kind: start?.event.kind ?? 'text', ...content } }
}
