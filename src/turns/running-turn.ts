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
import type { AdmittedTurn } from './admit.ts'
import type { TurnsDeps } from './deps.ts'
import { LiveLog } from './live-log.ts'
import type { PreparedTurn } from './prepare.ts'
import { insertCheckpoint, settle } from './rows.ts'
import { foldLog, toStoredLog } from './stored-log.ts'

/** The reason of a cancel that the server itself gives when it stops. */
export const shutdown = 'shutdown'

const settleRetryMs = { first: 500, most: 30_000 }

/**
 * The runner of one turn: drains the engine to its end, whoever is watching, and appends to the log. It owns the
 * turn from its admission to its settlement; the HTTP response does not.
 */
export class RunningTurn {
  readonly prepared: PreparedTurn
  readonly log: LiveLog
  readonly control = new TurnControl()
  readonly startedAt: number
  /** The final state, once it is on disk. Rejects when the start could not be stored. */
  readonly result: Promise<TurnState>
  private readonly deps: TurnsDeps
  private readonly admission: Promise<AdmittedTurn>
  private admitted: AdmittedTurn | undefined
  private usage = noUsage
  private costMicros = 0
  private upstream = ''
  private checkpointSeq = 0
  private checkpoint: Promise<void> | undefined
  private settling = false
  private graceTimer: NodeJS.Timeout | undefined

  constructor(deps: TurnsDeps, prepared: PreparedTurn, admission: Promise<AdmittedTurn>) {
    this.deps = deps
    this.prepared = prepared
    this.admission = admission
    this.startedAt = deps.now()
    this.log = new LiveLog(prepared.publicId, deps.now)
    if (prepared.request.leave === 'cancel-after-grace') this.log.onDeserted = () => this.awaitReturn()
    this.result = this.run()
    // Nobody has to wait for the result; readers are told of a failure themselves.
    this.result.catch(() => undefined)
  }

  private async run(): Promise<TurnState> {
    const { prepared, deps } = this
    const stored = this.admission.then(
      (admitted) => {
        this.admitted = admitted
        this.log.open()
      },
      (thrown) => {
        this.log.fail(toAppError(thrown))
        this.control.apply({ type: 'cancel', reason: 'not stored' })
        throw thrown
      },
    )
    stored.catch(() => undefined)
    this.log.append({
      type: 'turn-start',
      ...(prepared.conversation && { conversationId: prepared.conversation.publicId }),
      ...(prepared.app && { appId: prepared.app.publicId }),
      model: prepared.model,
      ...(prepared.request.metadata && { metadata: prepared.request.metadata }),
    })
    const ending = await runModelLoop(
      prepared.engine,
      {
        openModel: deps.models.openModel,
        runTool: deps.runTool,
        emit: (event, audience) => this.emit(event, audience),
        now: deps.now,
        maxSteps: deps.options.maxSteps,
        clientToolTimeoutMs: deps.options.clientToolTimeoutMs,
      },
      this.control,
    )
    await stored
    clearTimeout(this.graceTimer)
    return this.settle(this.endOf(ending))
  }

  private emit(event: TurnEvent, audience?: 'internal'): void {
    if (event.type === 'model-end') {
      this.usage = addUsage(this.usage, event.usage)
      this.costMicros += event.costMicros
      this.upstream = event.upstream
    }
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
      ...(error && { error }),
      usage: this.usage,
      costMicros: this.costMicros,
    }
  }

  /** Stores the end, then shows it. A disk that is full now may have room later: until then the turn stays unsettled. */
  private async settle(event: TurnEnd): Promise<TurnState> {
    this.settling = true
    await this.checkpoint
    const end = this.log.draft(event)
    const envelopes = [...this.log.compact(0), end]
    const state = foldLog(envelopes, emptyTurn)
    for (let waitMs = settleRetryMs.first; ; waitMs = Math.min(waitMs * 2, settleRetryMs.most)) {
      try {
        const ours = await this.write(envelopes, end, event, state)
        return this.show(end, state, ours)
      } catch (thrown) {
        this.deps.log.error(
          { err: thrown, turnId: this.prepared.publicId },
          'a turn could not be settled; trying again',
        )
        this.log.fail(toAppError(thrown))
        await new Promise((resolve) => setTimeout(resolve, waitMs).unref())
      }
    }
  }

  private write(envelopes: Envelope[], end: Envelope, event: TurnEnd, state: TurnState): Promise<boolean> {
    const { prepared, deps } = this
    const { principal } = prepared.request
    const admitted = this.admitted!
    const settlement = {
      turnId: admitted.id,
      publicId: prepared.publicId,
      workspaceId: principal.workspace.id,
      userId: principal.user.id,
      appId: prepared.app?.id ?? null,
      conversationId: admitted.conversationId,
      keyId: principal.key?.id ?? null,
      model: prepared.model,
      upstream: this.upstream,
      status: event.outcome,
      finishReason: event.finishReason,
      error: event.error ? JSON.stringify(event.error) : null,
      usage: event.usage,
      costMicros: event.costMicros,
      reservedMicros: admitted.reservedMicros,
      parts: partsOf(state),
      log: toStoredLog(envelopes),
      checkpointed: this.checkpointSeq > 0,
      startedAt: this.startedAt,
      endedAt: end.at,
    }
    return deps.database.write((tx) => settle(tx, settlement))
  }

  private show(end: Envelope, state: TurnState, ours: boolean): TurnState {
    this.log.recover()
    if (ours) {
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
    const admitted = this.admitted
    if (!admitted || this.settling || this.checkpoint || this.log.seq === this.checkpointSeq) return
    const before = this.checkpointSeq
    const seq = this.log.seq
    const events = JSON.stringify(this.log.compact(before))
    this.checkpointSeq = seq
    this.checkpoint = this.deps.database
      .write((tx) => tx.run(insertCheckpoint, { turnId: admitted.id, seq, events }))
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

  /** Everybody left: after a while without anybody, nobody will come back. */
  private awaitReturn(): void {
    clearTimeout(this.graceTimer)
    this.graceTimer = setTimeout(() => {
      if (this.log.readers === 0) this.control.apply({ type: 'cancel', reason: 'the client left' })
    }, this.deps.options.leaveGraceMs)
    this.graceTimer.unref()
  }
}
