import type {
  CommandOutcome,
  Envelope,
  Part,
  Principal,
  TurnCommand,
  TurnRequest,
  TurnState,
  Usage,
} from '#contracts/index.ts'
import { emptyTurn, partsOf } from '#contracts/index.ts'
import { AppError, type ErrorInfo } from '#errors/index.ts'
import { mayRead } from '#features/conversations/index.ts'
import { BriefMap } from '#lib/brief-map.ts'
import { isShortId } from '#lib/short-id.ts'
import { isUuid, uuidv7 } from '#lib/uuid.ts'
import { withinMs } from '#lib/within.ts'
import { isUniqueViolation } from '#store/index.ts'
import { admission, findByIdempotencyKey } from './admit.ts'
import { bookCall, type LooseCall, type Payer } from './book-call.ts'
import type { TurnsDeps } from './deps.ts'
import { keepLease } from './lease.ts'
import { type Viewer, visibleTo } from './live-log.ts'
import { type PreparedTurn, prepare } from './prepare.ts'
import { reaper } from './reap.ts'
import { RunningTurn, type Start, shutdown } from './running-turn.ts'
import { foldLog, replayAfter } from './stored-log.ts'
import { eventsOf, findByShortId, findStoredTurn, type StoredTurn, stateOf } from './stored-turn.ts'
import { LiveTurn, type Turn, type TurnReader } from './turn.ts'

/** A turn as anybody may look at it who may see it. */
export interface TurnView {
  id: string
  status: TurnState['status']
  conversationId?: string
  appId?: string
  model: string
  parts: Part[]
  usage: Usage
  costMicros: number
  error?: ErrorInfo
  metadata?: Record<string, unknown>
  createdAt: number
  endedAt?: number
}

/**
 * Turns: start them, read them, command them, look at them. Throws AppError before a turn exists; a turn that exists
 * fails in its own events. Call `open` before the first start and `close` at the end.
 */
export function turns(deps: TurnsDeps) {
  const processId = uuidv7(deps.now())
  const running = new BriefMap<string, RunningTurn>()
  /** Turns with an Idempotency-Key that begin: their rows may be found before they run. */
  const starting = new Map<string, Promise<Turn>>()
  const lease = keepLease(deps, processId)
  const reap = reaper(deps, processId)
  const startListeners = new Set<StartListener>()
  let counts: TurnCounts | undefined
  let draining = false
  let timer: NodeJS.Timeout | undefined

  async function open(): Promise<void> {
    await lease.open()
    await reap.now()
    reap.start()
    // Looked at often and each in its own time: a thousand turns written in one go would hold everybody up.
    timer = setInterval(() => {
      const time = deps.now()
      const due = time - deps.options.checkpointMs
      // After a clock was set back, `checkpointedAt` may lie hours ahead: nothing would be kept until then.
      for (const turn of running.values())
        if (turn.checkpointedAt <= due || turn.checkpointedAt > time) turn.saveCheckpoint()
    }, deps.options.checkpointMs / checkpointLooks)
    timer.unref()
  }

  async function start(request: TurnRequest): Promise<Turn> {
    if (draining) throw new AppError('overloaded', 'The server is stopping', { retryAfterMs: 1_000 })
    if (running.size >= deps.options.maxRunning)
      throw new AppError('overloaded', 'Too many turns are running', { retryAfterMs: 1_000 })
    if (request.idempotencyKey !== undefined) {
      // Before anything is looked up: what was answered stays answered, whatever has become of its session or model.
      const earlier = await findByIdempotencyKey(deps, request)
      if (earlier !== undefined) return attach(request.principal, earlier)
    }
    const prepared = await prepare(deps, request)
    const known = deps.budgets.isLimited(request.principal.workspace.id)
    const limited = typeof known === 'boolean' ? known : await known
    if (request.idempotencyKey === undefined) {
      // Where the start itself may be refused, no model is asked before it stands.
      const refusable = limited || prepared.conversation?.draft !== undefined
      return refusable
        ? storeThenRun(request, prepared, limited)
        : run(prepared, { write: admission(processId, prepared, limited) })
    }
    const beginning = storeThenRun(request, prepared, limited)
    starting.set(prepared.publicId, beginning)
    return beginning.finally(() => starting.delete(prepared.publicId))
  }

  async function storeThenRun(request: TurnRequest, prepared: PreparedTurn, limited: boolean): Promise<Turn> {
    const write = admission(processId, prepared, limited)
    try {
      return run(prepared, { started: await deps.database.write((tx) => write(tx)) })
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown
      // The same request, a moment earlier: now it is there to be found.
      return start(request)
    }
  }

  function run(prepared: PreparedTurn, begin: Start): Turn {
    const { publicId, conversation } = prepared
    const { door } = prepared.request
    counts?.started(door)
    const turn = new RunningTurn(deps, prepared, begin, (status) => {
      running.delete(publicId)
      counts?.ended(door, status)
    })
    running.set(publicId, turn)
    if (conversation) for (const listener of startListeners) listener(conversation.publicId, publicId)
    return new LiveTurn(turn, 'caller', false)
  }

  /** A turn goes by its UUID and by what `shortId` makes of it. Running turns that can be asked for have their rows. */
  async function idOf(given: string): Promise<string> {
    return isShortId(given) ? ((await findByShortId(deps.database, given)) ?? given) : given
  }

  /** The turn `id`, running here or stored. Throws `not-found` also when the principal may not see it. */
  async function attach(principal: Principal, given: string): Promise<Turn> {
    const id = await idOf(given)
    await starting.get(id)?.catch(() => undefined)
    const live = running.get(id)
    if (live) {
      check(principal, ownerOf(live))
      return new LiveTurn(live, viewerOf(principal, live.prepared.request.principal.user.id), true)
    }
    const stored = await getStored(principal, id)
    if (stored.status === 'running')
      throw new AppError('conflict', 'This turn runs in another process; try again when it has ended', {
        retryAfterMs: 1_000,
      })
    return {
      id,
      ...(stored.conversationPublicId !== null && { conversationId: stored.conversationPublicId }),
      ...(stored.appPublicId !== null && { appId: stored.appPublicId }),
      model: stored.model,
      createdAt: stored.createdAt,
      replayed: true,
      read: (after = 0) => once(visibleTo(viewerOf(principal, stored.userId), replayAfter(eventsOf(stored), after))),
      result: async () => stateOf(stored),
      wait: () => ({ result: Promise.resolve(stateOf(stored)), leave: () => undefined }),
    }
  }

  async function command(principal: Principal, given: string, command: TurnCommand): Promise<CommandOutcome> {
    const id = await idOf(given)
    const live = running.get(id)
    if (live) {
      check(principal, ownerOf(live))
      return live.control.apply(command) ? 'applied' : 'ignored'
    }
    const stored = await getStored(principal, id)
    return stored.status === 'running' ? 'ignored' : 'ended'
  }

  async function view(principal: Principal, given: string): Promise<TurnView> {
    const id = await idOf(given)
    const live = running.get(id)
    if (live) {
      check(principal, ownerOf(live))
      const state = foldLog(live.log.snapshot(), emptyTurn)
      return {
        id,
        ...(live.prepared.conversation && { conversationId: live.prepared.conversation.publicId }),
        ...(live.prepared.app && { appId: live.prepared.app.publicId }),
        ...(live.prepared.request.metadata && { metadata: live.prepared.request.metadata }),
        status: state.status,
        model: live.prepared.model,
        parts: partsOf(state),
        usage: state.usage,
        costMicros: state.costMicros,
        createdAt: live.startedAt,
      }
    }
    const stored = await getStored(principal, id)
    return {
      id,
      status: stored.status,
      ...(stored.conversationPublicId !== null && { conversationId: stored.conversationPublicId }),
      ...(stored.appPublicId !== null && { appId: stored.appPublicId }),
      model: stored.model,
      parts: stored.parts,
      usage: stored.usage,
      costMicros: stored.costMicros,
      ...(stored.error && { error: stored.error }),
      ...(stored.metadata && { metadata: stored.metadata }),
      createdAt: stored.createdAt,
      ...(stored.endedAt !== null && { endedAt: stored.endedAt }),
    }
  }

  async function getStored(principal: Principal, id: string): Promise<StoredTurn> {
    const stored = isUuid(id) ? await findStoredTurn(deps.database, id) : undefined
    if (!stored || !mayRead(principal, stored)) throw notFound()
    return stored
  }

  /** Lets running turns end by themselves for `graceMs`, then ends the rest as interrupted; all are settled. */
  async function close(graceMs: number): Promise<void> {
    draining = true
    const ends = () => Promise.allSettled([...running.values()].map((turn) => turn.result))
    await withinMs(graceMs, ends())
    for (const turn of running.values()) turn.control.apply({ type: 'cancel', reason: shutdown })
    // A disk that cannot be written must not keep the process: the reaper of the next one closes these turns.
    await withinMs(settleAtMostMs, ends())
    clearInterval(timer)
    reap.stop()
    await lease.close()
  }

  /** Tells of every turn that starts in a conversation, in this process; returns how to stop listening. */
  function onStart(listener: StartListener): () => void {
    startListeners.add(listener)
    return () => void startListeners.delete(listener)
  }

  /** From now on every turn of this process is told of. */
  function countInto(given: TurnCounts): void {
    counts = given
  }

  /** Forgets the keys whose time is over. */
  async function pruneIdempotencyKeys(): Promise<void> {
    const before = deps.now() - deps.options.idempotencyMs
    await deps.database.write((tx) => tx.db.deleteFrom('idempotency_keys').where('created_at', '<', before).execute())
  }

  const book = (payer: Payer, call: LooseCall) => bookCall(deps, processId, payer, call)

  return {
    open,
    start,
    book,
    pruneIdempotencyKeys,
    onStart,
    countInto,
    attach,
    command,
    view,
    close,
    runningCount: () => running.size,
  }
}

/** Who counts turns, by the door that asked; must not throw. `failed` is also the end of one that could not be stored. */
export interface TurnCounts {
  started(door: string): void
  ended(door: string, status: TurnState['status']): void
}

/** Must not throw. `attach` gives the turn to those who may see it. */
export type StartListener = (conversationId: string, turnId: string) => void

export type Turns = ReturnType<typeof turns>

const settleAtMostMs = 5_000
/** How often in the time between two checkpoints it is looked whose turn it is. */
const checkpointLooks = 20

function ownerOf(turn: RunningTurn) {
  const { principal } = turn.prepared.request
  return { workspaceId: principal.workspace.id, userId: principal.user.id, appId: turn.prepared.app?.id ?? null }
}

function check(principal: Principal, owner: Parameters<typeof mayRead>[1]): void {
  if (!mayRead(principal, owner)) throw notFound()
}

function viewerOf(principal: Principal, userId: number): Viewer {
  return principal.user.id === userId ? 'caller' : 'member'
}

function notFound(): AppError {
  return new AppError('not-found', 'Turn not found')
}

/** A reader over what is there already. */
function once(batch: Envelope[]): TurnReader {
  let left = batch.length === 0
  const over = { done: true as const, value: undefined }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      if (left) return over
      left = true
      return { done: false, value: batch }
    },
    async return() {
      left = true
      return over
    },
  }
}
