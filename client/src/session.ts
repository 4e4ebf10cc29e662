import { isPassing, ParleyError } from './errors.ts'
import { type Answer, type CommandOutcome, errorInfo, isOfTurn, type ServerFrame, type TurnEvent } from './frames.ts'
import type { Http } from './http.ts'
import { type ConnectionState, openLine } from './line.ts'
import { outbox } from './outbox.ts'
import { type Message, messagesPath } from './resources.ts'
import { signal } from './signal.ts'
import { backoffMs, randomId, type Surroundings } from './surroundings.ts'
import type { Tokens } from './tokens.ts'
import { type Turn, type TurnRecord, turnRecord } from './turn.ts'

export interface SessionOptions {
  /** The app to talk to: its id, or its access token. Not needed in a session that has been spoken in. */
  applicationId?: string
}

/** One chat session, over one socket that is made anew whenever it breaks. */
export interface Session {
  readonly id: string
  readonly state: ConnectionState
  /**
   * Says something. The turn is there at once and survives any number of connections: one message is one turn. Ends a
   * turn of this session object that still runs. Throws `closed`, `auth_error`, `outbox_full`, `too_large`.
   */
  send(content: string, options?: { idempotencyKey?: string }): Turn
  /** Shows any turn from its beginning, for instance one that was begun before the page was loaded. */
  resume(turnId: string): Turn
  /** Tells the others that somebody types. Of no use later: dropped while there is no connection. */
  typing(): void
  /** What was said so far, oldest first. */
  messages(options?: { limit?: number }): Promise<Message[]>
  /** Turns that others began in this session, also those that began while the connection was broken. */
  onTurn(listener: (turn: Turn) => void): () => void
  onTyping(listener: (who: { userId: string }) => void): () => void
  onLeave(listener: (who: { userId: string }) => void): () => void
  onState(listener: (state: ConnectionState) => void): () => void
  /** Turns go on without us. What is still under way here is rejected with `closed`. */
  close(): void
}

interface SessionDeps {
  /** Where the socket is. */
  path: string
  surroundings: Surroundings
  tokens: Tokens
  http: Http
}

const typingEveryMs = 1000
/** Ids of turns that are not new, ended ones too: far more than a history that is looked through. */
const maxKnown = 256
/** How often a look into the history is tried again: a page may be allowed the socket and not the rest. */
const maxLooks = 3
const resumeOf = 'resume '

export function openSession(id: string, { applicationId }: SessionOptions, deps: SessionDeps): Session {
  const { clock, random } = deps.surroundings
  /** Turns whose end has not been seen. Two handles may be of one turn: who sends with a key that somebody has used. */
  const shown = new Map<string, TurnRecord[]>()
  /** Own turns that are not known to have begun, with the requests they wait for. */
  const unanswered = new Map<TurnRecord, string>()
  /** Own turns, with the connection in which they began. */
  const begunIn = new Map<TurnRecord, number>()
  const known = new Set<string>()
  let last: { turnId: string; cursor: number } | undefined
  let conversationId: string | undefined
  /** The server's time when we first came. */
  let since: string | undefined
  /** Others may have begun turns that this connection was not told of. */
  let behind = false
  let typedAt = Number.NEGATIVE_INFINITY
  const turnBegan = signal<Turn>()
  const typed = signal<{ userId: string }>()
  const left = signal<{ userId: string }>()
  const stateChanged = signal<ConnectionState>()

  const line = openLine(deps.path, deps.surroundings, deps.tokens, {
    opened(hello) {
      since ??= hello.timestamp
      // An ended turn brings nothing new, but the server then shows what follows it in its conversation.
      if (shown.size === 0 && last) askResume(last.turnId, last.cursor)
      for (const turnId of shown.keys()) askResume(turnId)
      out.up()
      behind = true
      void catchUp()
    },
    frame: receive,
    lost: (code) => out.down(code),
    changed(state) {
      if (state.status === 'closed') {
        out.fail(state.error)
        for (const record of [...shown.values()].flat()) record.fail(state.error)
        shown.clear()
      }
      stateChanged.emit(state)
    },
  })
  const out = outbox({ send: line.send, clock })

  function receive(frame: ServerFrame): void {
    if (isOfTurn(frame)) happened(frame)
    else if (frame.type === 'typing') typed.emit({ userId: frame.user_id })
    else if (frame.type === 'user_disconnected') left.emit({ userId: frame.user_id })
    else if (frame.type === 'error') refused(frame)
    else if ('outcome' in frame && frame.request_id !== undefined) out.answer(frame.request_id, frame)
  }

  function refused(answer: Extract<Answer, { type: 'error' }>): void {
    const { request_id: requestId } = answer
    // Something of this connection was lost, nobody says what: the next one asks for everything again.
    if (requestId === undefined) line.abandon()
    else if (requestId.startsWith(resumeOf)) notResumed(requestId.slice(resumeOf.length), answer)
    else out.answer(requestId, answer)
  }

  function happened(event: TurnEvent): void {
    const { turn_id: turnId } = event
    if (event.type === 'response_start') {
      conversationId ??= event.chat_id ?? undefined
      if (event.request_id !== undefined) out.answer(event.request_id, event)
    }
    const records = shown.get(turnId) ?? (known.has(turnId) ? [] : [somebodys(turnId)])
    for (const record of records) record.take(event)
    last = { turnId, cursor: event.seq }
    if (records.every(({ isOver }) => isOver)) shown.delete(turnId)
  }

  function show(turnId: string, record: TurnRecord): void {
    shown.set(turnId, [...(shown.get(turnId) ?? []), record])
    known.delete(turnId)
    known.add(turnId)
    if (known.size > maxKnown) known.delete(known.values().next().value!)
  }

  function somebodys(turnId: string): TurnRecord {
    const record = turnRecord({ id: turnId, mine: false, command })
    show(turnId, record)
    turnBegan.emit(record.turn)
    return record
  }

  function askResume(turnId: string, cursor?: number): void {
    const after = cursor ?? Math.min(...(shown.get(turnId) ?? []).map(({ turn }) => turn.state.cursor))
    out.ahead({ type: 'resume', turn_id: turnId, after, request_id: `${resumeOf}${turnId}` })
  }

  function notResumed(turnId: string, answer: Extract<Answer, { type: 'error' }>): void {
    const { number } = line
    const records = shown.get(turnId) ?? []
    if (answer.retry_after_ms !== undefined) {
      clock.setTimeout(() => {
        if (line.number === number && shown.has(turnId)) askResume(turnId)
      }, answer.retry_after_ms)
      return
    }
    shown.delete(turnId)
    for (const record of records) record.fail(new ParleyError(errorInfo(answer)))
  }

  /** Looks for turns that began, or also ended, while nobody told us. Own ones must be known first. */
  async function catchUp(failures = 0): Promise<void> {
    const path = messagesPath({ id, applicationId, conversationId }, 50)
    const isReady = () => line.state.status === 'open' && unanswered.size === 0
    if (!behind || path === undefined || !isReady()) return
    behind = false
    const { number } = line
    let history: Message[]
    try {
      // An app's access token opens no history.
      if ((await deps.tokens.current())?.startsWith('pat_')) return
      history = await deps.http.request<Message[]>('GET', path)
    } catch (thrown) {
      if (!isPassing(thrown) || failures === maxLooks) return
      behind = true
      clock.setTimeout(() => void catchUp(failures + 1), backoffMs(failures + 1, random))
      return
    }
    if (line.number !== number || !isReady()) {
      behind = true
      return
    }
    const answered = new Set(history.flatMap(({ role, turn_id: turnId }) => (role === 'assistant' ? [turnId] : [])))
    for (const { turn_id: turnId, role, created_at: at } of history) {
      if (role === 'assistant' || known.has(turnId) || (answered.has(turnId) && at < since!)) continue
      somebodys(turnId)
      askResume(turnId)
    }
  }

  async function command(record: TurnRecord, type: string, fields: Record<string, unknown>): Promise<CommandOutcome> {
    if (line.state.status === 'closed') throw line.state.error
    if (record.isOver) return record.turn.done.then(() => 'ended')
    const requestId = unanswered.get(record)
    if (type === 'cancel' && requestId !== undefined && out.withdraw(requestId)) {
      unanswered.delete(record)
      record.end('cancelled')
      return 'applied'
    }
    const turnId = record.turn.id ?? (await record.turn.started)
    return new Promise((resolve, reject) => {
      const answered = (answer: ServerFrame) => {
        if ('outcome' in answer) resolve(answer.outcome)
        else if (answer.type === 'error') reject(new ParleyError(errorInfo(answer)))
      }
      out.add({ type, turn_id: turnId, ...fields }, { answered, failed: reject }, { once: type === 'steer' })
    })
  }

  function send(content: string, { idempotencyKey = randomId() }: { idempotencyKey?: string } = {}): Turn {
    if (line.state.status === 'closed') throw line.state.error
    // The server ends a turn of the same connection for the message that follows it; the others are ours to end.
    for (const [record, number] of begunIn) {
      if (record.isOver) begunIn.delete(record)
      else if (number !== line.number) record.turn.cancel().catch(() => undefined)
    }
    const record = turnRecord({ mine: true, command })
    const application = applicationId === undefined ? {} : { application_id: applicationId }
    const requestId = out.add(
      { type: 'chat', content, ...application, idempotency_key: idempotencyKey },
      {
        answered(answer) {
          unanswered.delete(record)
          if (answer.type === 'response_start') {
            begunIn.set(record, line.number)
            show(answer.turn_id, record)
          } else if (answer.type === 'error') record.fail(new ParleyError(errorInfo(answer)))
          void catchUp()
        },
        failed(error) {
          unanswered.delete(record)
          record.fail(error)
        },
      },
    )
    unanswered.set(record, requestId)
    return record.turn
  }

  return {
    id,
    get state() {
      return line.state
    },
    send,
    resume(turnId) {
      if (line.state.status === 'closed') throw line.state.error
      const there = shown.get(turnId)?.[0]
      if (there) return there.turn
      const record = turnRecord({ id: turnId, mine: false, command })
      show(turnId, record)
      if (line.state.status === 'open') askResume(turnId)
      return record.turn
    },
    typing() {
      if (line.state.status !== 'open' || clock.now() - typedAt < typingEveryMs) return
      typedAt = clock.now()
      line.send('{"type":"typing"}')
    },
    async messages({ limit = 50 } = {}) {
      const path = messagesPath({ id, applicationId, conversationId }, limit)
      if (path !== undefined) return deps.http.request<Message[]>('GET', path)
      const message = 'A session with a name of your own is found by its applicationId'
      throw new ParleyError({ code: 'invalid_request', message, field: 'applicationId' })
    },
    onTurn: turnBegan.on,
    onTyping: typed.on,
    onLeave: left.on,
    onState: stateChanged.on,
    close: line.close,
  }
}
