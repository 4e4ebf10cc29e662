import type { Principal } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import type { App } from '#features/apps/index.ts'
import type { Transcripts, TranscriptTurn } from '#features/transcripts/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Blobs } from '#store/blobs/index.ts'
import type { Database } from '#store/index.ts'
import type { HistoryEntry } from './entry.ts'
import type { History } from './history.ts'
import { type HistoryFilter, select } from './selection.ts'

export interface TranscriptFilesDeps {
  database: Database
  now(): number
  log: { warn(fields: object, message: string): void }
  history: Pick<History, 'entries'>
  blobs: Pick<Blobs, 'put' | 'signedUrl' | 'list' | 'remove'>
  transcripts: Transcripts
}

/** How long a file can be fetched; some time later it is removed, with the next one that is made in its workspace. */
const linkMs = 24 * 3_600_000
const keptMs = 2 * linkMs
/** When one whom an erasure was in the way of may ask again. */
const erasingMs = 5_000

/** Histories as PDFs that are fetched by a signed URL. */
export function transcriptFiles(deps: TranscriptFilesDeps) {
  const { database, blobs, now } = deps

  /**
   * Writes all that the principal may see of what is asked for into a file, oldest first, as it is read. Gives its
   * URL, which expires; undefined when there is nothing. Throws as `renderTranscript` and the blobs do, and `overloaded`
   * when something of the workspace was erased meanwhile.
   */
  async function store(
    principal: Principal,
    app: Pick<App, 'id' | 'name' | 'workspace'>,
    filter: HistoryFilter,
    { baseUrl, signal }: { baseUrl: string; signal: AbortSignal },
  ): Promise<string | undefined> {
    const before = await erasuresIn(database, app.workspace.id)
    const batches = deps.history.entries(principal, app, filter)
    const first = await firstFull(batches)
    if (!first) return undefined
    const head = {
      title: app.name,
      userName: await nameOf(principal, app, filter),
      botName: app.name,
      timeZone: 'UTC',
      createdAt: now(),
    }
    const folder = `${app.workspace.publicId}/transcripts/`
    const key = `${folder}${uuidv7(now())}.pdf`
    const bytes = deps.transcripts.renderTranscript(head, turnsOf(first, batches), { signal })
    await blobs.put(key, bytes, { contentType: 'application/pdf', filename: 'chat-history.pdf' })
    // An erasure removes the files that it finds; this one may have been read before the text went and written after.
    const after = await erasuresIn(database, app.workspace.id)
    if (before.running > 0 || after.running > 0 || before.asked !== after.asked || before.ended !== after.ended) {
      await blobs.remove(key)
      throw new AppError('overloaded', 'Something was erased while the file was made; ask for it again', {
        retryAfterMs: erasingMs,
      })
    }
    removeOld(folder, app.workspace.id).catch((err) => deps.log.warn({ err }, 'old transcripts could not be removed'))
    return blobs.signedUrl(key, { expiresInMs: linkMs, baseUrl })
  }

  /** Whose words these are, where they are one person's. */
  async function nameOf(
    principal: Principal,
    app: Pick<App, 'id' | 'workspace'>,
    filter: HistoryFilter,
  ): Promise<string> {
    const userId = (await select(database, principal, app, filter))?.userId
    if (userId === undefined) return 'User'
    const row = await database.read
      .selectFrom('users')
      .select(['name', 'email'])
      .where('id', '=', userId)
      .executeTakeFirst()
    return row?.name || row?.email || 'User'
  }

  async function removeOld(folder: string, workspaceId: number): Promise<void> {
    if (await isHeld(database, workspaceId)) return
    const { items } = await blobs.list(folder)
    for (const { key, modifiedAtMs } of items) if (modifiedAtMs < now() - keptMs) await blobs.remove(key)
  }

  return { store }
}

export type TranscriptFiles = ReturnType<typeof transcriptFiles>

/**
 * Erasures of people who were of use in a workspace: how many are under way, the newest that was asked for, and when the last
 * of them ended.
 */
async function erasuresIn(
  database: Database,
  workspaceId: number,
): Promise<{ running: number; asked: number; ended: number }> {
  const { running, asked, ended } = await database.read
    .selectFrom('erasures as e')
    .select((eb) => [
      eb.fn.count<number>('e.id').filterWhere('e.status', '=', 'running').as('running'),
      eb.fn.max('e.id').as('asked'),
      eb.fn.max('e.ended_at').as('ended'),
    ])
    .where((eb) =>
      eb.or([
        eb('e.workspace_id', '=', workspaceId),
        eb.and([
          eb('e.workspace_id', 'is', null),
          eb.or([
            eb('e.user_id', 'in', usersOf(database, 'conversations', workspaceId)),
            eb('e.user_id', 'in', usersOf(database, 'usage_hourly', workspaceId)),
          ]),
        ]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return { running: Number(running), asked: asked ?? 0, ended: ended ?? 0 }
}

function usersOf(database: Database, table: 'conversations' | 'usage_hourly', workspaceId: number) {
  return database.read.selectFrom(table).select('user_id').where('workspace_id', '=', workspaceId)
}

/** Nothing of a workspace under legal hold is removed. */
async function isHeld(database: Database, workspaceId: number): Promise<boolean> {
  const hold = await database.read
    .selectFrom('legal_holds')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('lifted_at', 'is', null)
    .executeTakeFirst()
  return hold !== undefined
}

async function firstFull(batches: AsyncGenerator<HistoryEntry[]>): Promise<HistoryEntry[] | undefined> {
  for (;;) {
    const { done, value } = await batches.next()
    if (done) return undefined
    if (value.length > 0) return value
  }
}

async function* turnsOf(
  first: readonly HistoryEntry[],
  rest: AsyncGenerator<HistoryEntry[]>,
): AsyncGenerator<TranscriptTurn> {
  yield* first.map(toTurn)
  for await (const entries of rest) yield* entries.map(toTurn)
}

function toTurn(entry: HistoryEntry): TranscriptTurn {
  return {
    userText: entry.question,
    answerText: entry.answer,
    askedAt: entry.createdAt,
    answeredAt: entry.endedAt,
  }
}
