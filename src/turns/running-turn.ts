import {
  addUsage,
  type Envelope,
  emptyTurn,
  noUsage,
  partsOf,
  type TurnEnd,
  type TurnEvent,
  type TurnState,
} from '#contracts/index.ts'
import { type Ending, runModelLoop, TurnControl } from '#engine/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import { isUniqueViolation, type Transaction } from '#store/index.ts'
import type { TurnsDeps } from './deps.ts'
import { decideInput, type GuardedInput } from './guard.ts'
import { LiveLog } from './live-log.ts'
import type { PreparedTurn } from './prepare.ts'
import { insertCheckpoint, type Settlement, type StartedTurn, settle, writeEnd, writeInput } from './rows.ts'
import { foldLog, toStoredLog } from './stored-log.ts'

/** The reason of a cancel that the server itself gives when it stops. */
export const shutdown = 'shutdown'

const settleRetryMs = { first: 500, most: 30_000 }

/**
 * How long a turn that nobody can see yet may go without its row: one that is over sooner is written in one go, which
 * is half the work of writing its start and then its end (docs/decisions: turns that are written once).
 */
const unwrittenMs = 20

/**
 * How long writes that hold nobody up may wait for company, in ms after the last commit began: a start while its model
 * thinks, the end of an answer that has been streamed, a checkpoint (docs/decisions: chunks and commits together).
 */
const patienceMs = { start: 15, end: 30, checkpoint: 150 }

const ignore = () => undefined

/** In the place of what a turn has no more. */
const gone = undefined as never

/** How a turn's start gets on disk: it is there, or this writes it. */
export type Start = { started: StartedTurn } | { write(tx: Transaction, end?: Settlement): Promise<StartedTurn> }

/**
 * The runner of one turn: drains the engine to its end, whoever is watching, and appends to the log. It owns the
 * turn from its admission to its settlement; the HTTP response does not.
 */
export class RunningTurn {
  prepared: PreparedTurn
  log: LiveLog
  readonly control = new TurnControl()
  readonly startedAt: number
  /** The final state, once it is on disk. Rejects when the start could not be stored. */
  readonly result: Promise<TurnState>
  private readonly answered = Promise.withResolvers<TurnState>()
  private readonly deps: TurnsDeps
  private start: Start
  private onOver: (status: TurnState['status']) => void
  private started: StartedTurn | undefined
  private stored: Promise<void> | undefined
  private inputStored: Promise<void> | undefined
  private unwrittenTimer: NodeJS.Timeout | undefined
  private usage = noUsage
  private costMicros = 0
  private upstream = ''
  /** When the log was last seen to, in unix ms. */
  checkpointedAt: number
  private checkpointSeq = 0
  private checkpoint: Promise<void> | undefined
  private settling = false
  private graceTimer: NodeJS.Timeout | undefined

  /** `onOver` is called once, in the tick in which `result` is decided. */
  constructor(deps: TurnsDeps, prepared: PreparedTurn, start: Start, onOver: (status: TurnState['status']) => void) {
    this.deps = deps
    this.prepared = prepared
    this.start = start
    this.onOver = onOver
    this.startedAt = prepared.createdAt
    this.checkpointedAt = this.startedAt
    this.log = new LiveLog(prepared.publicId, deps.now)
    if (prepared.request.leave === 'cancel-after-grace') this.log.onDeserted = () => this.awaitReturn()
    this.result = this.run()
    // Nobody has to wait for them; readers are told of a failure themselves.
    this.result.catch(ignore)
    this.answered.promise.catch(ignore)
  }

  /** `result` for a caller who waits for it; rejects also when it cannot be stored now, which may last. */
  get answer(): Promise<TurnState> {
    return this.answered.promise
  }

  private async run(): Promise<TurnState> {
    try {
      this.begin()
      const { input } = this.prepared
      const refused = input && (await this.checkInput(input))
      const ending = refused ?? (await this.runEngine())
      clearTimeout(this.unwrittenTimer)
      clearTimeout(this.graceTimer)
      if (this.stored && !this.started) await this.soon(this.stored)
      const state = await this.settle(this.endOf(ending))
      this.answered.resolve(state)
      this.onOver(state.status)
      this.letGo()
      return state
    } catch (thrown) {
      this.answered.reject(thrown)
      this.onOver('failed')
      throw thrown
    }
  }

  /**
   * Nothing is asked of a turn that is over: its log is whose who reads it. One that has grown old by then would else keep
   * from the collector of young objects all that it has (docs/decisions: shapes that are held).
   */
  private letGo(): void {
    // A reader may have left while the end was being written.
    clearTimeout(this.graceTimer)
    this.prepared = gone
    this.log = gone
    this.start = gone
    this.onOver = gone
  }

  private begin(): void {
    const { prepared } = this
    if ('started' in this.start) {
      this.started = this.start.started
      this.log.open()
    } else if (prepared.request.delivery === 'whole') {
      this.unwrittenTimer = setTimeout(() => this.storeStart(), unwrittenMs)
    } else this.storeStart()
    this.log.append({
      type: 'turn-start',
      conversationId: prepared.conversation?.publicId,
      appId: prepared.app?.publicId,
      model: prepared.model,
      metadata: prepared.request.metadata,
    })
  }

  private runEngine(): Promise<Ending> {
    const { prepared, deps } = this
    return runModelLoop(
      prepared.engine,
      {
        openModel: deps.models.openModel,
        runTool: deps.runTool,
        emit: (event, audience) => this.emit(event, audience),
        now: deps.now,
        maxSteps: deps.options.maxSteps,
        clientToolTimeoutMs: deps.options.clientToolTimeoutMs,
        ...(prepared.input && { guard: prepared.input.guard }),
      },
      this.control,
    )
  }

  /** Gives the end of a turn whose input no model may see. */
  private async checkInput(input: GuardedInput): Promise<Ending | undefined> {
    const wasOpen = input.isOpen
    const ending = await decideInput(this.prepared, input, this.control)
    input.guard.tellSpent((event, audience) => this.emit(event, audience))
    if (wasOpen && !input.isOpen) this.storeInput()
    return ending
  }

  /** Writes what the start had to leave out; what cannot be written now is written with the end. */
  private storeInput(): void {
    this.inputStored = Promise.resolve(this.stored)
      .then(async () => {
        const { started } = this
        if (!started?.isInputOpen) return
        await this.deps.database.write((tx) => this.writeInput(tx, started))
        started.isInputOpen = false
      })
      .catch((thrown) =>
        this.deps.log.warn({ err: thrown, turnId: this.prepared.publicId }, 'the input of a turn could not be written'),
      )
  }

  private writeInput(tx: Transaction, started: StartedTurn): Promise<void> {
    const { messages, title } = this.prepared
    return writeInput(tx, started, { messages: JSON.stringify(messages), title })
  }

  /** Writes the start; the turn is visible when that is on disk, and over when it cannot be done. */
  private storeStart(): void {
    const { start } = this
    if ('started' in start) return
    this.stored = this.deps.database
      .write((tx) => start.write(tx), patienceMs.start)
      .then(
        (started) => {
          this.started = started
          this.log.open()
        },
        (thrown) => {
          this.log.fail(toAppError(thrown))
          this.control.apply({ type: 'cancel', reason: 'not stored' })
          throw thrown
        },
      )
    this.stored.catch(() => undefined)
  }

  private emit(event: TurnEvent, audience?: 'internal'): void {
    if (event.type === 'model-end') {
      this.usage = addUsage(this.usage, event.usage)
      this.costMicros += event.costMicros
      // Who was asked on the way is not who answered.
      if (audience === undefined || this.upstream === '') this.upstream = event.upstream
    } else if (event.type === 'part-start' && this.stored && !this.started) this.deps.database.hurry()
    this.log.append(event, audience)
  }

  private endOf(ending: Ending): TurnEnd {
    const stopped = ending.outcome === 'cancelled' && this.control.cancelReason === shutdown
    const error = stopped
      ? { code: 'interrupted' as const, message: 'The server was stopped while the turn ran' }
      : ending.error
    return {
      type: 'turn-end',
      outcome: stopped ? 'interrupted' : ending.outcome,
      finishReason: ending.finishReason,
      error,
      usage: this.usage,
      costMicros: this.costMicros,
    }
  }

  /** Stores the end, then shows it. */
  private async settle(event: TurnEnd): Promise<TurnState> {
    this.settling = true
    if (this.checkpoint) await this.soon(this.checkpoint)
    if (this.inputStored) await this.inputStored
    const end = this.log.draft(event)
    const envelopes = [...this.log.compact(0), end]
    const state = foldLog(envelopes, emptyTurn)
    return this.show(end, state, await this.store(envelopes, end, event, state))
  }

  /**
   * Gives whether the end that is stored is this one. A disk that is full now may have room later, and a database come back:
   * until then the turn stays unsettled.
   */
  private async store(envelopes: Envelope[], end: Envelope, event: TurnEnd, state: TurnState): Promise<boolean> {
    for (let waitMs = settleRetryMs.first; ; waitMs = Math.min(waitMs * 2, settleRetryMs.most)) {
      try {
        return (await this.write(envelopes, end, event, state)) || (await this.isStored(end, event))
      } catch (thrown) {
        // Of an earlier try only the answer was lost, longer ago than the store asks for it.
        if (isUniqueViolation(thrown) && (await this.isStored(end, event).catch(() => false))) return true
        this.deps.log.error(
          { err: thrown, turnId: this.prepared.publicId },
          'a turn could not be settled; trying again',
        )
        const error = toAppError(thrown)
        this.log.fail(error)
        this.answered.reject(error)
        await new Promise((resolve) => setTimeout(resolve, waitMs).unref())
      }
    }
  }

  /** Whether the row tells of this very end. */
  private async isStored(end: Envelope, { outcome }: TurnEnd): Promise<boolean> {
    const row = await this.deps.database.read
      .selectFrom('turns')
      .select(['status', 'ended_at'])
      .where('public_id', '=', this.prepared.publicId)
      .executeTakeFirst()
    return row?.status === outcome && row.ended_at === end.at
  }

  private write(envelopes: Envelope[], end: Envelope, event: TurnEnd, state: TurnState): Promise<boolean> {
    const { prepared, deps } = this
    const { principal } = prepared.request
    const { start, started } = this
    const settlement: Settlement = {
      publicId: prepared.publicId,
      workspaceId: principal.workspace.id,
      userId: principal.user.id,
      appId: prepared.app?.id ?? null,
      workflow: prepared.app?.type === 'workflow' && principal.app === undefined,
      keyId: principal.key?.id ?? null,
      model: prepared.model,
      upstream: this.upstream,
      status: event.outcome,
      finishReason: event.finishReason,
      error: event.error ? JSON.stringify(event.error) : null,
      usage: event.usage,
      costMicros: event.costMicros,
      parts: partsOf(state),
      log: toStoredLog(envelopes, this.upstream),
      checkpointed: this.checkpointSeq > 0,
      hits: prepared.input?.guard.notes.list() ?? [],
      startedAt: this.startedAt,
      endedAt: end.at,
    }
    return deps.database.write(
      async (tx) => {
        if (started) {
          const ours = await settle(tx, started, settlement)
          if (ours && started.isInputOpen && !prepared.input?.isOpen) await this.writeInput(tx, started)
          return ours
        }
        if ('started' in start) return false
        await writeEnd(tx, await start.write(tx, settlement), settlement)
        return true
      },
      prepared.request.delivery === 'whole' ? 0 : patienceMs.end,
    )
  }

  private show(end: Envelope, state: TurnState, ours: boolean): TurnState {
    this.log.recover()
    if (ours) {
      this.log.open()
      this.log.publish(end)
      this.log.end()
      return state
    }
    // This process was taken for dead and its turn closed by another: what that one stored is what counts.
    const error = new AppError('interrupted', 'The turn was closed by another process')
    this.log.fail(error)
    throw error
  }

  /** Appends what is new since the last checkpoint, so that a crash loses at most the time between two of them. */
  saveCheckpoint(): void {
    const { started } = this
    this.checkpointedAt = this.deps.now()
    if (!started || this.settling || this.checkpoint || this.log.seq === this.checkpointSeq) return
    const before = this.checkpointSeq
    const seq = this.log.seq
    const events = JSON.stringify(this.log.compact(before))
    this.checkpointSeq = seq
    this.checkpoint = this.deps.database
      .write((tx) => tx.run(insertCheckpoint, { turnId: started.id, seq, events }), patienceMs.checkpoint)
      .then(
        () => undefined,
        (thrown) => {
          this.checkpointSeq = before
          this.deps.log.warn({ err: thrown, turnId: this.prepared.publicId }, 'a checkpoint could not be written')
        },
      )
      .finally(() => {
        this.checkpoint = undefined
      })
  }

  /** A write that was patient as long as nobody waited for it. */
  private soon(write: Promise<void>): Promise<void> {
    this.deps.database.hurry()
    return write
  }

  /** Everybody left: after a while without anybody, nobody will come back. */
  private awaitReturn(): void {
    clearTimeout(this.graceTimer)
    this.graceTimer = setTimeout(() => {
      if (this.log.readers === 0) this.control.apply({ type: 'cancel', reason: 'the client left' })
    }, this.deps.options.leaveGraceMs)
    this.graceTimer.unref()
  }
}
