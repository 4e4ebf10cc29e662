import { type Principal, requireScope, type Scope, type TurnCommand } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import type { Turn } from '#turns/index.ts'
import { limitInput, tooMany } from '../gate/index.ts'
import {
  type Presence,
  parseJsonObject,
  type Showing,
  type Socket,
  type SocketHandlers,
  showTurn,
} from '../gate/sockets/index.ts'
import { type ClientFrame, decodeFrame, requestIdOf } from './decode.ts'
import type { ChatSocketDeps } from './deps.ts'
import { errorFrame, frameEncoder, type ServerFrame } from './frames.ts'
import type { Hub } from './hub.ts'

/** Told to the others at most so often: it only says that somebody types. */
const typingEveryMs = 1_000

/** One client of /ws/chat. Leave policy: continue; what it missed it gets by `resume`. */
export class Connection implements SocketHandlers {
  readonly sessionId: string
  readonly sessionKey: string
  /** Conversations whose turns it is shown; made when there is one, as the other collections here: most sockets are idle. */
  following: Set<string> | undefined
  private readonly deps: ChatSocketDeps
  private readonly hub: Hub
  private readonly socket: Socket
  private readonly ip: string
  /** Undefined: nobody yet; an app's access token in a chat frame may still say who. */
  private principal: Principal | undefined
  /** Turns being shown, with the readers to leave by. */
  private shown: Map<string, Showing> | undefined
  private lastStarted: string | undefined
  /** The last start, perhaps still under way. */
  private starting: Promise<Turn> | undefined
  private typedAt = 0

  constructor(
    deps: ChatSocketDeps,
    hub: Hub,
    socket: Socket,
    from: { sessionId: string; ip: string },
    principal: Principal | undefined,
  ) {
    this.deps = deps
    this.hub = hub
    this.socket = socket
    this.sessionId = from.sessionId
    this.ip = from.ip
    this.principal = principal
    this.sessionKey = `${principal?.workspace.id ?? 'anonymous'} ${from.sessionId}`
  }

  get userId(): string {
    return this.principal?.user.publicId ?? 'anonymous'
  }

  get isOpen(): boolean {
    return this.socket.isOpen
  }

  greet(): void {
    const { sessionId: session_id, userId: user_id } = this
    this.send({ type: 'connected', session_id, user_id, timestamp: this.timestamp() })
  }

  /** One after the other, so that a cancel finds the turn of the chat before it. */
  message(data: string | Buffer): Promise<void> | void {
    let requestId: string | undefined
    try {
      if (typeof data !== 'string')
        throw new AppError('unsupported', 'Frames must be JSON text', { details: { field: 'frame' } })
      const given = parseJsonObject(data)
      requestId = requestIdOf(given)
      return this.act(decodeFrame(given), requestId)?.catch((thrown) => this.refuse(toAppError(thrown), requestId))
    } catch (thrown) {
      this.refuse(toAppError(thrown), requestId)
    }
  }

  overrun(): void {
    const told = { code: 'rate-limited', message: 'Too many frames; slow down' } as const
    this.send(errorFrame(told, { timestamp: this.timestamp() }))
  }

  closed(): void {
    this.hub.leave(this)
    for (const { leave } of this.shown?.values() ?? []) leave()
    const timestamp = this.timestamp()
    for (const other of this.hub.others(this))
      other.relay({ type: 'user_disconnected', user_id: this.userId, session_id: this.sessionId, timestamp })
  }

  async still(): Promise<void> {
    if (this.principal) this.principal = await this.deps.auth.renew(this.principal)
  }

  presence(): Presence {
    return { session: this.sessionId, user: this.userId }
  }

  private send(frame: ServerFrame): void {
    this.socket.send(JSON.stringify(frame))
  }

  /** For what others say: of no use when it comes late. */
  relay(frame: ServerFrame): void {
    this.socket.relay(JSON.stringify(frame))
  }

  private refuse(error: AppError, requestId?: string): void {
    if (error.code === 'internal') this.deps.log.error({ err: error.cause ?? error }, 'a socket frame failed')
    this.send(errorFrame(error, { ...named(requestId), timestamp: this.timestamp() }))
  }

  private act(frame: ClientFrame, requestId: string | undefined): Promise<void> | void {
    switch (frame.type) {
      case 'ping':
        return this.send({ type: 'pong', timestamp: this.timestamp() })
      case 'typing':
        return this.typing()
      case 'chat':
        return this.chat(frame, requestId)
      case 'cancel':
        return this.cancel(frame.turnId, requestId)
      case 'command':
        return this.command(frame.turnId, frame.command, requestId)
      case 'resume':
        return this.resume(frame.turnId, frame.after)
    }
  }

  private typing(): void {
    const now = this.deps.now()
    if (now - this.typedAt < typingEveryMs) return
    this.typedAt = now
    const timestamp = this.timestamp()
    for (const other of this.hub.others(this))
      other.relay({ type: 'typing', user_id: this.userId, session_id: this.sessionId, timestamp })
  }

  private async chat(frame: Extract<ClientFrame, { type: 'chat' }>, requestId: string | undefined): Promise<void> {
    const { principal, appId, conversationId } = await this.destination(frame)
    const limit = this.deps.limits.check(limitInput(principal, this.ip, true))
    if (limit && !limit.allowed) throw tooMany(limit.retryAfterMs)
    // Who says something new no longer waits for the answer before it.
    if (this.lastStarted !== undefined && this.shown?.has(this.lastStarted)) await this.cut(principal, this.lastStarted)
    const starting = this.deps.turns.start({
      principal,
      door: 'chat-socket',
      target: { type: 'app', appId },
      conversationId,
      newConversation: true,
      messages: [{ role: 'user', parts: [{ type: 'text', text: frame.content }] }],
      sampling: {},
      tools: [],
      clientTools: 'pause',
      leave: 'continue',
      delivery: 'stream',
      ...(frame.idempotencyKey !== undefined && { idempotencyKey: frame.idempotencyKey }),
    })
    this.starting = starting
    const turn = await starting
    this.lastStarted = turn.id
    // Asked for again while it is shown: only its beginning says which request it answers.
    if (requestId !== undefined) this.hide(turn.id)
    this.show(turn, 0, requestId)
    if (turn.conversationId === undefined) return
    if (frame.chatId !== undefined && frame.chatId !== this.sessionId) return this.hub.follow(this, turn.conversationId)
    // What is said in the session itself is said to all who are in it.
    this.hub.share(this, turn.conversationId)
    for (const other of this.hub.others(this)) void other.watch(turn.id)
  }

  /** Ends a turn for the message that follows it, and waits for its end: the next one is to read what it had said. */
  private async cut(principal: Principal, turnId: string): Promise<void> {
    await this.deps.turns.command(principal, turnId, { type: 'cancel', reason: 'a new message came' })
    await this.shown?.get(turnId)?.over
  }

  /** Which app and conversation a chat frame means, and as whom it may be said. */
  private async destination(frame: Extract<ClientFrame, { type: 'chat' }>) {
    const { apps, auth, conversations } = this.deps
    const chatId = frame.chatId ?? this.sessionId
    const named = frame.applicationId
    if (named?.startsWith('pat_')) {
      const app = await apps.findByToken(named)
      if (!app) throw new AppError('not-found', 'Application not found', { details: { field: 'application_id' } })
      this.principal ??= auth.principalForApp(app)
      return { principal: auth.principalForApp(app), appId: app.publicId, conversationId: chatId }
    }
    const principal = await this.known('write')
    if (named !== undefined) {
      const app = await apps.get(principal, named)
      return { principal, appId: app.publicId, conversationId: chatId }
    }
    const session = await conversations.find(principal, chatId, null)
    if (!session || session.appPublicId === null)
      throw new AppError('invalid-request', "'application_id' field is required", {
        details: { field: 'application_id', reason: 'missing' },
      })
    return { principal, appId: session.appPublicId, conversationId: session.publicId }
  }

  private async cancel(turnId: string | undefined, requestId: string | undefined): Promise<void> {
    const id = turnId ?? this.lastStarted
    const outcome =
      id === undefined ? 'ended' : await this.deps.turns.command(await this.known('write'), id, { type: 'cancel' })
    const told = { turn_id: id ?? null, outcome, ...named(requestId) }
    this.send({ type: 'cancel_result', ...told, timestamp: this.timestamp() })
  }

  private async command(turnId: string, command: TurnCommand, requestId: string | undefined): Promise<void> {
    const outcome = await this.deps.turns.command(await this.known('write'), turnId, command)
    const told = { turn_id: turnId, outcome, ...named(requestId) }
    this.send({ type: 'command_result', ...told, timestamp: this.timestamp() })
  }

  private async resume(turnId: string, after: number): Promise<void> {
    const turn = await this.deps.turns.attach(await this.known('read'), turnId)
    if (turn.conversationId !== undefined) this.hub.follow(this, turn.conversationId)
    this.hide(turn.id)
    this.show(turn, after)
  }

  /** A turn began in a conversation this connection follows: shown if it is not already, and if it may be. */
  async watch(turnId: string): Promise<void> {
    // A turn that this connection has asked for is shown as the answer to its request.
    await this.starting?.catch(() => undefined)
    if (this.shown?.has(turnId) || !this.principal) return
    try {
      this.show(await this.deps.turns.attach(await this.known('read'), turnId), 0)
    } catch (thrown) {
      const error = toAppError(thrown)
      // What one may not see does not exist.
      if (error.code !== 'not-found' && error.code !== 'forbidden') this.refuse(error)
    }
  }

  private hide(turnId: string): void {
    this.shown?.get(turnId)?.leave()
    this.shown?.delete(turnId)
  }

  private show(turn: Turn, after: number, requestId?: string): void {
    if (this.shown?.has(turn.id)) return
    const encode = frameEncoder(turn, requestId)
    const showing = showTurn(this.socket, turn, after, (envelope, state) =>
      encode(envelope, state).map((frame) => JSON.stringify(frame)),
    )
    this.shown ??= new Map()
    const { shown } = this
    shown.set(turn.id, showing)
    void showing.over.then((failed) => {
      if (shown.get(turn.id) === showing) shown.delete(turn.id)
      if (failed) this.refuse(failed)
    })
  }

  /** The principal as it is now: a logout, a revoked key or a lost role counts on open sockets too. Throws `forbidden` without the scope. */
  private async known(scope: Scope): Promise<Principal> {
    if (!this.principal) throw new AppError('unauthenticated', 'Authentication required')
    try {
      this.principal = await this.deps.auth.renew(this.principal)
    } catch (thrown) {
      const { code } = toAppError(thrown)
      // Otherwise nobody could look.
      if (code !== 'overloaded' && code !== 'internal') this.socket.close(1008, 'Invalid token')
      throw thrown
    }
    requireScope(this.principal, scope)
    return this.principal
  }

  private timestamp(): string {
    return new Date(this.deps.now()).toISOString()
  }
}

function named(requestId: string | undefined): { request_id?: string } {
  return requestId === undefined ? {} : { request_id: requestId }
}
