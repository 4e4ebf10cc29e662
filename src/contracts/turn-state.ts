import type { ErrorInfo } from '#errors/index.ts'
import type { Part } from './message.ts'
import type { FinishReason, PartKind, TurnEvent, TurnOutcome } from './turn-event.ts'
import { addUsage, noUsage, type Usage } from './usage.ts'

/**
 * What a turn has come to so far: the non-streaming answer, the stored message, the late reader's snapshot.
 * `parts` is in order of appearance; a part still growing has `open: true`.
 */
export interface TurnState {
  status: 'running' | TurnOutcome
  model: string
  conversationId?: string
  parts: StatePart[]
  usage: Usage
  costMicros: number
  finishReason?: FinishReason
  error?: ErrorInfo
  responseId?: string
  systemFingerprint?: string
  serviceTier?: string
}

/** A message part in its making. `number` is the part's number in the events, absent for parts that are not streamed. */
export interface StatePart {
  number?: number
  open: boolean
  /** For tool calls: the model has finished writing it. One that it has not is no call and goes with the turn's end. */
  called?: boolean
  /** Of text, where the upstream gave them: one entry a token. */
  logprobs?: unknown[]
  part: Part
}

export const emptyTurn: TurnState = { status: 'running', model: '', parts: [], usage: noUsage, costMicros: 0 }

/** The one fold. Pure: a new state is returned, the old one and the event stay as they are. Unknown parts are ignored. */
export function reduce(state: TurnState, event: TurnEvent): TurnState {
  const next = copyOf(state)
  foldInto(next, event)
  return next
}

/** A state of one's own, for `foldInto`. What stands in it is shared with the old one, and never changed. */
export function copyOf(state: TurnState): TurnState {
  return { ...state, parts: state.parts.slice() }
}

/** `reduce` in place, for whoever folds many events into a state of his own. */
export function foldInto(state: TurnState, event: TurnEvent): void {
  switch (event.type) {
    case 'turn-start':
      state.model = event.model
      state.conversationId = event.conversationId ?? state.conversationId
      break
    case 'model-end':
      state.usage = addUsage(state.usage, event.usage)
      state.costMicros += event.costMicros
      state.finishReason = event.finishReason
      state.responseId = event.responseId ?? state.responseId
      state.systemFingerprint = event.systemFingerprint ?? state.systemFingerprint
      state.serviceTier = event.serviceTier ?? state.serviceTier
      break
    case 'part-start':
      state.parts.push({ number: event.part, open: true, part: emptyPart(event) })
      break
    case 'text-delta':
      grow(state, event.part, (part) => withText(part, (old) => old + event.text), event.logprobs)
      break
    case 'reasoning-delta':
    case 'refusal-delta':
    case 'tool-input-delta':
      grow(state, event.part, (part) => withText(part, (old) => old + event.text))
      break
    case 'audio-delta':
      grow(state, event.part, (part) =>
        part.type === 'audio' ? withAudio(part, part.data, part.transcript, event) : part,
      )
      break
    case 'part-reset':
      if (placeOf(state.parts, event.part) === undefined)
        state.parts.push({ number: event.part, open: true, part: emptyPart(event) })
      change(state, event.part, (entry) => resetPart(entry, event))
      break
    case 'part-end':
      change(state, event.part, (entry) => ({
        ...entry,
        open: false,
        part: event.signature === undefined ? entry.part : withSignature(entry.part, event.signature),
      }))
      break
    case 'tool-call':
      change(state, event.part, (entry) =>
        entry.part.type === 'tool-call'
          ? {
              ...entry,
              called: true,
              part: { ...entry.part, callId: event.callId, name: event.name, arguments: event.arguments },
            }
          : entry,
      )
      break
    case 'tool-result':
      push(state, {
        type: 'tool-result',
        callId: event.callId,
        name: event.name,
        result: event.result,
        isError: event.isError,
      })
      break
    case 'source':
      push(state, { type: 'source', source: event.source })
      break
    case 'input':
      push(state, { type: 'input', parts: event.parts })
      break
    case 'turn-end':
      state.status = event.outcome
      state.finishReason = event.finishReason
      state.usage = event.usage
      state.costMicros = event.costMicros
      state.parts = state.parts.filter((entry) => entry.part.type !== 'tool-call' || entry.called)
      state.error = event.error ?? state.error
  }
}

/** The parts of the answer as they are stored and sent. */
export function partsOf(state: TurnState): Part[] {
  return state.parts.map((entry) => entry.part)
}

/** One entry a token of the answer's text; undefined when the upstream gave none. */
export function logprobsOf(state: TurnState): unknown[] | undefined {
  const given = state.parts.filter((entry) => entry.logprobs !== undefined)
  return given.length === 0 ? undefined : given.flatMap((entry) => entry.logprobs!)
}

/** The growing text of a part, whatever its kind calls it. */
export function growingText(part: Part): string {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return part.text
    case 'tool-call':
      return part.arguments
    case 'audio':
      return part.data
    default:
      return ''
  }
}

function emptyPart(event: { kind: PartKind; callId?: string; name?: string }): Part {
  switch (event.kind) {
    case 'tool-input':
      return { type: 'tool-call', callId: event.callId ?? '', name: event.name ?? '', arguments: '' }
    case 'audio':
      return { type: 'audio', data: '', format: '' }
    default:
      return { type: event.kind, text: '' }
  }
}

function withText(part: Part, change: (old: string) => string): Part {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return { ...part, text: change(part.text) }
    case 'tool-call':
      return { ...part, arguments: change(part.arguments) }
    case 'audio':
      return { ...part, data: change(part.data) }
    default:
      return part
  }
}

function withSignature(part: Part, signature: string): Part {
  return part.type === 'reasoning' || part.type === 'tool-call' ? { ...part, signature } : part
}

function withAudio(
  part: Extract<Part, { type: 'audio' }>,
  data: string,
  transcript: string | undefined,
  more: { text: string; transcript?: string; id?: string; expiresAt?: number; format?: string },
): Part {
  return {
    ...part,
    data: data + more.text,
    ...(more.transcript !== undefined && { transcript: (transcript ?? '') + more.transcript }),
    ...(more.id !== undefined && { id: more.id }),
    ...(more.expiresAt !== undefined && { expiresAt: more.expiresAt }),
    ...(more.format !== undefined && { format: more.format }),
  }
}

function resetPart(entry: StatePart, event: Extract<TurnEvent, { type: 'part-reset' }>): StatePart {
  const { part } = entry
  if (part.type === 'audio') return { ...entry, part: withAudio(part, '', undefined, event) }
  const { logprobs: _, ...kept } = entry
  return {
    ...kept,
    part: withText(part, () => event.text),
    ...(event.logprobs !== undefined && { logprobs: event.logprobs }),
  }
}

/** Puts another entry in the place of a part's. */
function change(state: TurnState, number: number, changed: (entry: StatePart) => StatePart): void {
  const index = placeOf(state.parts, number)
  if (index !== undefined) state.parts[index] = changed(state.parts[index]!)
}

/** Where the parts of a list stand that is folded into, as far as it was looked at; entries come at its end and stay. */
const places = new WeakMap<StatePart[], { seen: number; byNumber: Map<number, number> }>()

/** A model may write thousands of parts, each with an end of its own: looking through all for each would take minutes. */
function placeOf(parts: StatePart[], number: number): number | undefined {
  let known = places.get(parts)
  if (!known) {
    known = { seen: 0, byNumber: new Map() }
    places.set(parts, known)
  }
  const { byNumber } = known
  for (; known.seen < parts.length; known.seen++) {
    const own = parts[known.seen]!.number
    if (own !== undefined && !byNumber.has(own)) byNumber.set(own, known.seen)
  }
  return byNumber.get(number)
}

function grow(state: TurnState, number: number, grown: (part: Part) => Part, logprobs?: unknown[]): void {
  change(state, number, (entry) => ({
    ...entry,
    part: grown(entry.part),
    ...(logprobs && { logprobs: [...(entry.logprobs ?? []), ...logprobs] }),
  }))
}

function push(state: TurnState, part: Part): void {
  state.parts.push({ open: false, part })
}
