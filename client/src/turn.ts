import { type ErrorInfo, type ParleyError, parleyError } from './errors.ts'
import { fold, isOver, noTurn, type TurnState } from './fold.ts'
import type { CommandOutcome, Outcome, TurnEvent, Usage } from './frames.ts'
import { signal } from './signal.ts'

/** How a turn ended. */
export interface TurnResult {
  id: string | undefined
  outcome: Outcome
  text: string
  /** Undefined where the turn was taken back before it was sent. */
  usage: Usage | undefined
  /** Why it failed. */
  error: ErrorInfo | undefined
}

/**
 * One turn, whatever becomes of the connection. Iterating gives every event once, from the beginning, in order; several
 * may iterate. What an iterator is behind comes from the turn's own memory of its events.
 */
export interface Turn extends AsyncIterable<TurnEvent> {
  /** Undefined until the server has begun it. */
  readonly id: string | undefined
  /** Sent through this session object, not by somebody else. */
  readonly mine: boolean
  readonly state: TurnState
  /** The answer so far. */
  readonly text: string
  /** Its id. Rejects when the server refuses it. */
  readonly started: Promise<string>
  /**
   * Resolves for every turn that ended, also a failed one (see `outcome`). Rejects with a ParleyError when it never
   * began, or can be shown no longer (the session was closed). Need not be handled.
   */
  readonly done: Promise<TurnResult>
  /** Calls back after each event has been folded into `state`. Returns how to stop that. */
  onEvent(listener: (event: TurnEvent) => void): () => void
  cancel(): Promise<CommandOutcome>
  /** Input for the running turn. Rejects with `unknown_outcome` when the connection broke before the answer. */
  steer(text: string): Promise<CommandOutcome>
  /** Answers a tool call. Anything but text is sent as JSON. */
  toolResult(callId: string, result: unknown, options?: { isError?: boolean }): Promise<CommandOutcome>
}

/** What the session does with a turn. */
export interface TurnRecord {
  turn: Turn
  /** Repeats are dropped. */
  take(event: TurnEvent): void
  /** The end, when no event tells of it. */
  end(outcome: Outcome): void
  fail(error: ParleyError): void
  readonly isOver: boolean
}

export type SendCommand = (record: TurnRecord, type: string, fields: Record<string, unknown>) => Promise<CommandOutcome>

export function turnRecord(options: { id?: string; mine: boolean; command: SendCommand }): TurnRecord {
  const { mine, command } = options
  let state: TurnState = { ...noTurn, id: options.id }
  let failure: ParleyError | undefined
  const events: TurnEvent[] = []
  const happened = signal<TurnEvent>()
  const changed = signal<void>()
  const started = deferred<string>()
  const done = deferred<TurnResult>()
  if (options.id !== undefined) started.resolve(options.id)
  const over = () => failure !== undefined || isOver(state)

  function settle(): void {
    const { id, status, text, usage, error } = state
    started.reject(parleyError('cancelled', 'The turn was taken back'))
    done.resolve({ id, outcome: status as Outcome, text, usage, error })
  }

  const turn: Turn = {
    get id() {
      return state.id
    },
    mine,
    get state() {
      return state
    },
    get text() {
      return state.text
    },
    started: started.promise,
    done: done.promise,
    onEvent: happened.on,
    cancel: () => command(record, 'cancel', {}),
    steer: (text) => command(record, 'steer', { content: text }),
    toolResult: (callId, result, { isError = false } = {}) =>
      command(record, 'tool_result', { tool_call_id: callId, result: result ?? null, ok: !isError }),
    async *[Symbol.asyncIterator]() {
      for (let next = 0; ; ) {
        while (next < events.length) yield events[next++]!
        if (failure) throw failure
        if (over()) return
        await new Promise<void>((resolve) => {
          const stop = changed.on(() => {
            stop()
            resolve()
          })
        })
      }
    },
  }

  const record: TurnRecord = {
    turn,
    get isOver() {
      return over()
    },
    take(event) {
      if (over()) return
      const next = fold(state, event)
      if (next === state) return
      state = next
      events.push(event)
      started.resolve(event.turn_id)
      happened.emit(event)
      if (isOver(state)) settle()
      changed.emit()
    },
    end(outcome) {
      state = { ...state, status: outcome }
      settle()
      changed.emit()
    },
    fail(error) {
      if (over()) return
      failure = error
      started.reject(error)
      done.reject(error)
      changed.emit()
    },
  }
  return record
}

interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise whose rejection nobody needs to handle. */
function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  promise.catch(() => undefined)
  return { promise, ...settle! }
}
