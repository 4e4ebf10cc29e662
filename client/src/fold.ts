import type { ErrorInfo } from './errors.ts'
import { errorInfo, type Outcome, type Source, type TurnEvent, type Usage } from './frames.ts'

/** What a turn has come to so far. Never changed: each event makes the next one. */
export interface TurnState {
  /** Undefined until the server has begun the turn. */
  id: string | undefined
  /** The conversation it belongs to, when it has one. */
  chatId: string | undefined
  /** `pending`: not begun, as far as is known here. */
  status: 'pending' | 'running' | Outcome
  /** The answer so far: the text parts, in order. */
  text: string
  /** What the model showed of its thinking. */
  thinking: string
  parts: readonly TextPart[]
  toolCalls: readonly ToolCall[]
  sources: readonly (Source & { seq: number })[]
  usage: Usage | undefined
  /** Why it failed. */
  error: ErrorInfo | undefined
  /** Seq of the last event: what comes after it is still to come. */
  cursor: number
}

/** A piece of the answer. `seq`: the first event that was seen of it. */
export interface TextPart {
  part: number
  kind: 'text' | 'thinking'
  text: string
  seq: number
}

export interface ToolCall {
  callId: string
  name: string
  /** JSON as the model wrote it. */
  arguments: string
  /** Undefined: there is none yet. */
  result: string | undefined
  isError: boolean
  seq: number
}

export const noTurn: TurnState = {
  id: undefined,
  chatId: undefined,
  status: 'pending',
  text: '',
  thinking: '',
  parts: [],
  toolCalls: [],
  sources: [],
  usage: undefined,
  error: undefined,
  cursor: 0,
}

export function isOver({ status }: TurnState): boolean {
  return status !== 'pending' && status !== 'running'
}

/**
 * The only fold: state and event → next state. Pure. Gives back the very same state for an event that has been seen,
 * however often and in whichever connection it comes.
 */
export function fold(state: TurnState, event: TurnEvent): TurnState {
  if (isOver(state) || !isNews(state, event)) return state
  const { parts } = event.seq > state.cursor ? state : rewound(state, event.seq)
  const begun: TurnState = { ...state, parts, id: event.turn_id, status: 'running', cursor: event.seq }
  switch (event.type) {
    case 'response_start':
      return { ...begun, chatId: event.chat_id ?? undefined }
    case 'text-delta':
      return withPart(begun, event, 'text', (text) => text + event.text)
    case 'text-reset':
      return withPart(begun, event, 'text', () => event.text)
    case 'thinking':
      return withPart(begun, event, 'thinking', (text) => text + event.content)
    case 'thinking-reset':
      return withPart(begun, event, 'thinking', () => event.content)
    case 'tool_call': {
      const { tool_call_id: callId, name, arguments: given, seq } = event
      const call: ToolCall = { callId, name, arguments: given, result: undefined, isError: false, seq }
      return { ...begun, toolCalls: [...begun.toolCalls.filter((known) => known.callId !== callId), call] }
    }
    case 'tool_result':
      return {
        ...begun,
        toolCalls: begun.toolCalls.map((call) =>
          call.callId === event.tool_call_id ? { ...call, result: event.result, isError: event.is_error } : call,
        ),
      }
    case 'sources':
      return {
        ...begun,
        sources: [
          ...begun.sources.filter(({ seq }) => seq !== event.seq),
          ...event.sources.map((source) => ({ ...source, seq: event.seq })),
        ],
      }
    case 'response_end':
      return { ...begun, status: event.status, usage: event.usage, text: event.full_response }
    case 'error': {
      const kept = event.kept_seq === undefined ? begun : withoutAfter(begun, event.kept_seq)
      return { ...kept, status: event.status, usage: event.usage, error: errorInfo(event) }
    }
    default:
      // A newer server's event: seen, and nothing that this client has a place for.
      return begun
  }
}

/**
 * A server that came back from a crash takes back numbers: what it kept comes as resets, the end of what was under way
 * under numbers that this client may have seen for something else (TURNS.md, Cursors). All other old numbers are repeats.
 */
function isNews({ cursor, toolCalls }: TurnState, event: TurnEvent): boolean {
  if (event.seq > cursor) return true
  switch (event.type) {
    case 'text-reset':
    case 'thinking-reset':
    case 'response_end':
    case 'error':
      return true
    case 'tool_result':
      // Also another one than was seen: the first was told and not kept.
      return toolCalls.some(
        ({ callId, result, isError }) =>
          callId === event.tool_call_id && (result !== event.result || isError !== event.is_error),
      )
    default:
      return false
  }
}

/** What began later is told again, or is no more. */
function rewound({ parts }: TurnState, seq: number): Pick<TurnState, 'parts'> {
  return { parts: parts.filter((entry) => entry.seq <= seq) }
}

function withPart(
  state: TurnState,
  { part, seq }: { part: number; seq: number },
  kind: TextPart['kind'],
  change: (text: string) => string,
): TurnState {
  const old = state.parts.find((entry) => entry.part === part)
  const next: TextPart = { part, kind, text: change(old?.text ?? ''), seq: Math.min(old?.seq ?? seq, seq) }
  const others = state.parts.filter((entry) => entry.part !== part)
  return withTexts({ ...state, parts: [...others, next].sort((a, b) => a.part - b.part) })
}

function withoutAfter(state: TurnState, seq: number): TurnState {
  const kept = <T extends { seq: number }>(items: readonly T[]) => items.filter((item) => item.seq <= seq)
  return withTexts({
    ...state,
    parts: kept(state.parts),
    toolCalls: kept(state.toolCalls),
    sources: kept(state.sources),
  })
}

function withTexts(state: TurnState): TurnState {
  const textOf = (kind: TextPart['kind']) =>
    state.parts.map((entry) => (entry.kind === kind ? entry.text : '')).join('')
  return { ...state, text: textOf('text'), thinking: textOf('thinking') }
}
