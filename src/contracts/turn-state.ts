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
  switch (event.type) {
    case 'turn-start':
      return {
        ...state,
        model: event.model,
        conversationId: event.conversationId ?? state.conversationId,
      }
    case 'model-end':
      return {
        ...state,
        usage: addUsage(state.usage, event.usage),
        costMicros: state.costMicros + event.costMicros,
        finishReason: event.finishReason,
        responseId: event.responseId ?? state.responseId,
        systemFingerprint: event.systemFingerprint ?? state.systemFingerprint,
        serviceTier: event.serviceTier ?? state.serviceTier,
      }
    case 'part-start':
      return {
        ...state,
        parts: [...state.parts, { number: event.part, open: true, part: emptyPart(event) }],
      }
    case 'text-delta':
      return grow(state, event.part, (part) => withText(part, (old) => old + event.text), event.logprobs)
    case 'reasoning-delta':
    case 'refusal-delta':
    case 'tool-input-delta':
      return grow(state, event.part, (part) => withText(part, (old) => old + event.text))
    case 'audio-delta':
      return grow(state, event.part, (part) =>
        part.type === 'audio' ? withAudio(part, part.data, part.transcript, event) : part,
      )
    case 'part-reset': {
      const known = state.parts.some((entry) => entry.number === event.part)
      const parts = known ? state.parts : [...state.parts, { number: event.part, open: true, part: emptyPart(event) }]
      return { ...state, parts: parts.map((entry) => (entry.number === event.part ? resetPart(entry, event) : entry)) }
    }
    case 'part-end':
      return {
        ...state,
        parts: state.parts.map((entry) =>
          entry.number === event.part
            ? {
                ...entry,
                open: false,
                part: event.signature === undefined ? entry.part : withSignature(entry.part, event.signature),
              }
            : entry,
        ),
      }
    case 'tool-call':
      return {
        ...state,
        parts: state.parts.map((entry) =>
          entry.number === event.part && entry.part.type === 'tool-call'
            ? {
                ...entry,
                called: true,
                part: { ...entry.part, callId: event.callId, name: event.name, arguments: event.arguments },
              }
            : entry,
        ),
      }
    case 'tool-result':
      return push(state, {
        type: 'tool-result',
        callId: event.callId,
        name: event.name,
        result: event.result,
        isError: event.isError,
      })
    case 'source':
      return push(state, { type: 'source', source: event.source })
    case 'input':
      return push(state, { type: 'input', parts: event.parts })
    case 'turn-end':
      return {
        ...state,
        status: event.outcome,
        finishReason: event.finishReason,
        usage: event.usage,
        costMicros: event.costMicros,
        parts: state.parts.filter((entry) => entry.part.type !== 'tool-call' || entry.called),
        error: event.error ?? state.error,
      }
    default:
      return state
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

function grow(state: TurnState, number: number, change: (part: Part) => Part, logprobs?: unknown[]): TurnState {
  const index = state.parts.findIndex((entry) => entry.number === number)
  if (index < 0) return state
  const parts = state.parts.slice()
  const entry = parts[index]!
  parts[index] = {
    ...entry,
    part: change(entry.part),
    ...(logprobs && { logprobs: [...(entry.logprobs ?? []), ...logprobs] }),
  }
  return { ...state, parts }
}

function push(state: TurnState, part: Part): TurnState {
  return { ...state, parts: [...state.parts, { open: false, part }] }
}
