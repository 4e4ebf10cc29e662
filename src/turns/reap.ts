import { sql } from 'kysely'
import {
  addUsage,
  costMicros,
  type Envelope,
  emptyTurn,
  noUsage,
  partsOf,
  type TurnEvent,
  type Usage,
} from '#contracts/index.ts'
import { estimateTokens } from '#lib/tokens.ts'
import type { TurnsDeps } from './deps.ts'
import { leaseTime } from './lease.ts'
import { type StartedTurn, settle } from './rows.ts'
import { foldLog, mergeDeltas, toStoredLog } from './stored-log.ts'

interface Orphan {
  id: number
  public_id: string
  workspace_id: number
  user_id: number
  app_id: number | null
  app_type: 'chat' | 'workflow' | 'channel' | null
  conversation_id: number | null
  key_id: number | null
  model: string
  input_tokens: number
  reserved_micros: number
  created_at: number
}

const batchSize = 100

/**
 * Closes the turns of processes that are gone: `interrupted`, with the text of the last checkpoint, what was used
 * settled once and marked estimated. Several processes may reap at once; the settlement lets one of them win.
 */
export function reaper(deps: Pick<TurnsDeps, 'database' | 'now' | 'log' | 'options' | 'models'>, processId: string) {
  const { database } = deps
  let timer: NodeJS.Timeout | undefined

  async function now(): Promise<number> {
    await dropLapsedLeases()
    let reaped = 0
    for (;;) {
      const orphans = await findOrphans()
      for (const orphan of orphans) if (await close(orphan)) reaped++
      if (orphans.length < batchSize) return reaped
    }
  }

  async function dropLapsedLeases(): Promise<void> {
    // An embedded database has one process: whatever else is written there is dead.
    const before = database.dialect === 'sqlite' ? sql.lit(Number.MAX_SAFE_INTEGER) : leaseTime(deps)
    await database.write((tx) =>
      tx.db.deleteFrom('processes').where('lease_until', '<', before).where('id', '!=', processId).execute(),
    )
  }

  function findOrphans(): Promise<Orphan[]> {
    return database.read
      .selectFrom('turns')
      .select([
        'id',
        'public_id',
        'workspace_id',
        'user_id',
        'app_id',
        'conversation_id',
        'key_id',
        'model',
        'input_tokens',
        'reserved_micros',
        'created_at',
      ])
      .select((eb) => eb.selectFrom('apps').select('type').whereRef('apps.id', '=', 'turns.app_id').as('app_type'))
      .where('status', '=', 'running')
      .where('process_id', 'not in', database.read.selectFrom('processes').select('id'))
      .limit(batchSize)
      .execute()
  }

  async function close(orphan: Orphan): Promise<boolean> {
    const rows = await database.read
      .selectFrom('turn_checkpoints')
      .select('events')
      .where('turn_id', '=', orphan.id)
      .orderBy('seq')
      .execute()
    const logged = mergeDeltas(rows.flatMap((row) => JSON.parse(row.events) as Envelope[]))
    const at = deps.now()
    const closing = closeOpen(orphan, logged, at)
    const usage = usageOf(orphan, logged)
    const price = priceOf(orphan.model)
    const cost = price ? costMicros(usage, price) : 0
    // Readers of the dead process may have seen more than was kept, under the numbers that follow now.
    const error = {
      code: 'interrupted' as const,
      message: 'The process that ran this turn ended before it did',
      details: { keptSeq: logged.at(-1)?.seq ?? 0 },
    }
    const end: TurnEvent = {
      type: 'turn-end',
      outcome: 'interrupted',
      finishReason: 'error',
      error,
      usage,
      costMicros: cost,
    }
    const envelopes = [...closing, envelope(orphan, (closing.at(-1)?.seq ?? 0) + 1, at, end)]
    const state = foldLog(envelopes, emptyTurn)
    const upstream = upstreamOf(logged)
    return database.write((tx) =>
      settle(tx, startOf(orphan), {
        publicId: orphan.public_id,
        workspaceId: orphan.workspace_id,
        userId: orphan.user_id,
        appId: orphan.app_id,
        workflow: orphan.app_type === 'workflow',
        keyId: orphan.key_id,
        model: orphan.model,
        upstream,
        status: 'interrupted',
        finishReason: 'error',
        error: JSON.stringify(error),
        usage,
        costMicros: cost,
        parts: partsOf(state),
        log: toStoredLog(envelopes, upstream),
        checkpointed: rows.length > 0,
        hits: [],
        startedAt: orphan.created_at,
        endedAt: at,
      }),
    )
  }

  function priceOf(model: string) {
    try {
      return deps.models.resolve(model).price
    } catch {
      // The upstream that offered it may be gone by now; the turn must be closed all the same.
      return undefined
    }
  }

  return {
    now,
    start(): void {
      timer = setInterval(() => {
        now().catch((thrown) => deps.log.warn({ err: thrown }, 'the reaper failed; it will try again'))
      }, deps.options.leaseMs / 2)
      timer.unref()
    },
    stop(): void {
      clearInterval(timer)
    },
  }
}

function startOf(orphan: Orphan): StartedTurn {
  return { id: orphan.id, conversationId: orphan.conversation_id, reservedMicros: orphan.reserved_micros }
}

/** Every start has its end, also in a log that was cut off. */
function closeOpen(orphan: Orphan, logged: Envelope[], at: number): Envelope[] {
  const out = [...logged]
  let seq = logged.at(-1)?.seq ?? 0
  const push = (event: TurnEvent) => out.push(envelope(orphan, ++seq, at, event))
  if (logged.length === 0) push({ type: 'turn-start', model: orphan.model })
  const open = new Set<number>()
  const calls = new Map<string, string>()
  let model: Extract<TurnEvent, { type: 'model-start' }> | undefined
  for (const { event } of logged) {
    if (event.type === 'part-start') open.add(event.part)
    else if (event.type === 'part-end') open.delete(event.part)
    else if (event.type === 'model-start') model = event
    else if (event.type === 'model-end') model = undefined
    else if (event.type === 'tool-call') calls.set(event.callId, event.name)
    else if (event.type === 'tool-result') calls.delete(event.callId)
  }
  for (const [callId, name] of calls)
    push({ type: 'tool-result', callId, name, result: 'The turn was interrupted.', isError: true })
  for (const part of open) push({ type: 'part-end', part })
  if (model)
    push({
      type: 'model-end',
      step: model.step,
      model: model.model,
      upstream: model.upstream,
      finishReason: 'error',
      usage: noUsage,
      costMicros: 0,
      latencyMs: 0,
    })
  return out
}

/**
 * Told usage of the finished model calls; the one under way is estimated from what it had written, part by part: which of
 * two parts that grew side by side was first depends on when they were kept.
 */
function usageOf(orphan: Orphan, logged: Envelope[]): Usage {
  let usage = noUsage
  const written = new Map<number, string>()
  let calling = false
  for (const { event } of logged) {
    if (event.type === 'model-start') {
      calling = true
      written.clear()
    } else if (event.type === 'model-end') {
      usage = addUsage(usage, event.usage)
      calling = false
    } else if ('text' in event && 'part' in event) written.set(event.part, (written.get(event.part) ?? '') + event.text)
  }
  let tokens = 0
  for (const text of written.values()) tokens += estimateTokens(text)
  const started = calling || logged.length === 0
  return {
    ...addUsage(usage, {
      ...noUsage,
      inputTokens: started ? orphan.input_tokens : 0,
      outputTokens: calling ? tokens : 0,
    }),
    estimated: true,
  }
}

function upstreamOf(logged: Envelope[]): string {
  const start = logged.findLast(({ event }) => event.type === 'model-start')
  return start?.event.type === 'model-start' ? start.event.upstream : ''
}

function envelope(orphan: Orphan, seq: number, at: number, event: TurnEvent): Envelope {
  return { turnId: orphan.public_id, seq, at, audience: 'members', path: [], event }
}
