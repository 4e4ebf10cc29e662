import type { Principal, ToolSpec } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import type { Turn } from '#turns/index.ts'
import type { Beating } from '#wire/index.ts'
import { limitInput, tooMany } from '../gate/index.ts'
import type { Presence, Socket, SocketHandlers } from '../gate/sockets/index.ts'
import { type Access, access } from './access.ts'
import { decodeBytes, encodeBytes, type Fields, type Speech, speech } from './codec.ts'
import { answerCommand } from './commands.ts'
import { type Asked, decodeFrame } from './decode.ts'
import { type ChatMessage, decodeMessage } from './decode-message.ts'
import type { NodeToolSocketDeps } from './deps.ts'
import { turnRequest } from './destination.ts'
import { stoppedMessage } from './encode.ts'
import { errorFrame } from './errors.ts'
import type { Followers } from './followers.ts'
import type { Heartbeat } from './heartbeat.ts'
import { requireTools } from './manifest.ts'
import { refusedAnswer } from './refusal.ts'
import { type Shown, type ShownTurns, shownTurns } from './shown.ts'
import { type Threads, threads } from './threads.ts'

const unknownFrame = {
  error: 'invalid_message',
  message:
    "All messages must include a 'command' field. Control frames have a 'type' instead, and messages of a chat a 'role'.",
}

/** One client of /chat. Leave policy: continue; what it missed it gets by `resume`. */
export class Connection implements SocketHandlers, Beating {
  slot = 0
  readonly deps: NodeToolSocketDeps
  readonly access: Access
  readonly speech: Speech = speech()
  readonly shown: ShownTurns
  readonly ip: string
  private readonly socket: Socket
  private readonly beats: Heartbeat
  /** Conversations of which it is shown all turns. */
  private readonly threads: Threads
  private tools: ReadonlyMap<string, ToolSpec> = new Map()
  /** The answer that a new message cuts short. */
  private answering: string | undefined
  /** The last start, perhaps still under way. */
  private starting: Promise<Turn> | undefined

  constructor(
    deps: NodeToolSocketDeps,
    followers: Followers<Connection>,
    beats: Heartbeat,
    socket: Socket,
    principal: Principal,
    ip: string,
  ) {
    this.deps = deps
    this.threads = threads(followers, this)
    this.beats = beats
    beats.join(this)
    this.socket = socket
    this.access = access(deps.auth, socket, principal)
    this.ip = ip
    this.shown = shownTurns(socket, this.speech, (error) => this.refuse(error))
  }

  /** One after the other, so that a stop finds the turn of the message before it. */
  message(data: string | Buffer): Promise<void> | void {
    this.speech.heard(typeof data === 'string' ? 'text' : 'binary')
    try {
      return this.act(decodeFrame(decodeBytes(data)))?.catch((thrown) => this.refuse(toAppError(thrown)))
    } catch (thrown) {
      this.refuse(toAppError(thrown))
    }
  }

  overrun(): void {
    this.refuse(new AppError('rate-limited', 'Too many frames; slow down', { retryAfterMs: 1_000 }))
  }

  closed(): void {
    this.beats.leave(this)
    this.threads.leaveAll()
    for (const { leave } of this.shown) leave()
  }

  async still(): Promise<void> {
    await this.access.renew()
  }

  presence(): Presence {
    return { user: this.access.principal.user.publicId }
  }

  beat(): void {
    this.socket.relay(encodeBytes({ type: 'ping', ts: this.deps.now() / 1000 }, this.speech.mode))
  }

  send(frame: Fields): void {
    this.socket.send(encodeBytes(frame, this.speech.mode))
  }

  private act(asked: Asked): Promise<void> | void {
    switch (asked.type) {
      case 'ping':
        return this.send({ type: 'pong', ts: this.deps.now() / 1000 })
      case 'pong':
        return
      case 'manifest':
        this.tools = asked.tools
        return
      case 'unknown':
        return this.send(unknownFrame)
      case 'message':
        return this.say(asked.given)
      case 'command':
        return answerCommand(this, asked.command, asked.data)
      case 'stop':
        return this.stop(asked)
      case 'resume':
        return this.resume(asked.turnId, asked.after)
      case 'steer':
        return this.steer(asked)
      case 'tool-result':
        return this.giveResult(asked)
    }
  }

  /** Somebody says something. What is wrong with it ends as an answer ends, so that nobody waits for one. */
  async say(given: Fields): Promise<void> {
    try {
      await this.chat(decodeMessage(given))
    } catch (thrown) {
      const error = toAppError(thrown)
      this.log(error)
      for (const frame of refusedAnswer(error, given)) this.send(frame)
    }
  }

  private async chat(message: ChatMessage): Promise<void> {
    const principal = await this.access.now('write')
    requireTools(message.tools, this.tools)
    const request = await turnRequest(this.deps, principal, message, [...this.tools.values()])
    this.countChat(principal)
    // Who says something new no longer waits for the answer before it; the next one is to read what that had said.
    const before = this.answering === undefined ? undefined : this.shown.get(this.answering)
    if (before) await this.cancel(principal, before, 'a new message came')
    this.shown.reserve()
    const starting = this.deps.turns.start(request)
    this.starting = starting
    const turn = await starting
    this.answering = turn.id
    const threadId = message.threadId ?? turn.conversationId ?? null
    this.follow(turn.conversationId, threadId)
    this.shown.hide(turn.id)
    this.shown.show(turn, 0, {
      threadId,
      workflowId: message.workflowId ?? null,
      runsTools: true,
      ...(message.requestId !== undefined && { requestId: message.requestId }),
    })
  }

  /** Counts one more turn against the limits of who asks for it. */
  countChat(principal: Principal): void {
    const limit = this.deps.limits.check(limitInput(principal, this.ip, true))
    if (limit && !limit.allowed) throw tooMany(limit.retryAfterMs)
  }

  /** Ends what is being said, here or in a thread, and says so once: by the turn's own end if it was running. */
  async stop(which: { turnId?: string; threadId?: string }, more: Fields = {}): Promise<void> {
    const principal = await this.access.now('write')
    const { turnId, threadId } = which
    const shown =
      turnId !== undefined
        ? this.shown.get(turnId)
        : ((threadId === undefined ? this.shown.get(this.answering ?? '') : undefined) ?? this.shown.newest(threadId))
    if (shown) await this.cancel(principal, shown, 'stopped by the user')
    else if (turnId !== undefined) await this.deps.turns.command(principal, turnId, { type: 'cancel' })
    if (!shown?.stopped)
      this.send({ type: 'generation_stopped', message: stoppedMessage, thread_id: threadId ?? null, ...more })
  }

  private async cancel(principal: Principal, shown: Shown, reason: string): Promise<void> {
    await this.deps.turns.command(principal, shown.turn.id, { type: 'cancel', reason })
    await shown.over
  }

  private async resume(turnId: string, after: number): Promise<void> {
    const principal = await this.access.now('read')
    const turn = await this.deps.turns.attach(principal, turnId)
    await this.takeUp(principal, turn, after)
    this.answering = turn.id
  }

  /** Shows a turn as one that this client takes part in. */
  async takeUp(principal: Principal, turn: Turn, after: number, workflowId?: string): Promise<void> {
    const known = this.shown.get(turn.id)
    if (!known) this.shown.reserve()
    const threadId = await this.threadNameOf(principal, turn.conversationId)
    this.follow(turn.conversationId, threadId)
    this.shown.hide(turn.id)
    const about = { threadId, workflowId: workflowId ?? known?.about.workflowId ?? null, runsTools: true }
    this.shown.show(turn, after, about)
  }

  /** What the client calls a conversation: on this connection, else when it began it. */
  private async threadNameOf(principal: Principal, conversationId: string | undefined): Promise<string | null> {
    if (conversationId === undefined) return null
    const name = this.threads.nameOf(conversationId)
    if (name !== undefined) return name
    const thread = await this.deps.conversations.find(principal, conversationId, null)
    return (thread?.userId === principal.user.id ? thread.externalId : null) ?? conversationId
  }

  private follow(conversationId: string | undefined, threadId: string | null): void {
    // A client that has gone meanwhile would be followed for ever.
    if (conversationId !== undefined && threadId !== null && this.socket.isOpen)
      this.threads.follow(conversationId, threadId)
  }

  private async steer({ turnId, parts }: Extract<Asked, { type: 'steer' }>): Promise<void> {
    const principal = await this.access.now('write')
    const id = turnId ?? this.shown.newest()?.turn.id
    const outcome = id === undefined ? 'ended' : await this.deps.turns.command(principal, id, { type: 'steer', parts })
    this.send({ type: 'command_result', turn_id: id ?? null, outcome })
  }

  /** Calls do not say whose they are: the newest turn that waits for this one gets it. One that comes late says nothing. */
  private async giveResult(given: Extract<Asked, { type: 'tool-result' }>): Promise<void> {
    const principal = await this.access.now('write')
    const { callId, result, isError } = given
    const asking = [...this.shown].reverse().flatMap(({ about }) => (about.runsTools ? [about.turnId] : []))
    for (const turnId of given.turnId === undefined ? asking : [given.turnId]) {
      const command = { type: 'tool-result', callId, result, isError } as const
      if ((await this.deps.turns.command(principal, turnId, command)) === 'applied') return
    }
  }

  /** A turn began in a conversation this client is in: shown if it is not already, and if it may be. */
  async watch(conversationId: string, turnId: string): Promise<void> {
    // A turn that this client has asked for is shown as the answer to its message.
    await this.starting?.catch(() => undefined)
    const threadId = this.threads.nameOf(conversationId)
    if (this.shown.get(turnId) || threadId === undefined) return
    try {
      const turn = await this.deps.turns.attach(this.access.principal, turnId)
      this.shown.reserve()
      // Whoever asked has the tools; what another client would answer is not wanted.
      this.shown.show(turn, 0, { threadId, workflowId: null, runsTools: false })
    } catch (thrown) {
      if (toAppError(thrown).code !== 'not-found') this.refuse(toAppError(thrown))
    }
  }

  private refuse(error: AppError): void {
    this.log(error)
    this.send(errorFrame(error))
  }

  private log(error: AppError): void {
    if (error.code === 'internal') this.deps.log.error({ err: error.cause ?? error }, 'a socket frame failed')
  }
}
