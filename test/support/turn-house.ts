import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { Guardrail, Price, Principal, TurnRequest } from '#contracts/index.ts'
import { conversations } from '#features/conversations/index.ts'
import { budgets } from '#metering/budget.ts'
import { type OutboxEvent, openDatabase } from '#store/index.ts'
import type { TurnsDeps } from '#turns/deps.ts'
import { defaultTurnsOptions, type TurnsOptions, turns } from '#turns/index.ts'
import type { DatabaseKind } from './databases.ts'
import { makeHome } from './parley.ts'
import { accountRooms } from './rooms.ts'
import { type ScriptedModel, scriptedModel } from './scripted-model.ts'

export interface TurnHouseOptions {
  turns?: Partial<TurnsOptions>
  price?: Price
  model?: ScriptedModel
  runTool?: TurnsDeps['runTool']
  moderate?: TurnsDeps['guardrails']['asking']['moderate']
  subscribersOf?: (event: OutboxEvent) => readonly string[]
}

/** The turns room over a real database, with a model in this process; no HTTP. */
export async function turnHouse(kind: DatabaseKind, options: TurnHouseOptions = {}) {
  const home = await makeHome(kind)
  const { PARLEY_DATA: folder, DATABASE_URL: url } = home.env
  const database = await openDatabase({
    folder: folder!,
    ...(url !== undefined && { url }),
    subscribersOf: options.subscribersOf ?? (() => []),
    now: Date.now,
  })
  const rooms = accountRooms(database)
  const { principal } = await rooms.person()
  const price = options.price ?? { input: 0, output: 0 }
  const playing = {
    model: options.model ?? scriptedModel({ price }),
    guardrails: [] as readonly Guardrail[],
  }
  const errors: unknown[] = []
  const deps: TurnsDeps = {
    database,
    conversations: conversations({ database, now: Date.now }),
    apps: rooms.apps,
    models: {
      openModel: (query, io) => playing.model.openModel(query, io),
      resolve: (name) => ({ model: name, price }),
      isOffered: (name) => name !== 'gone',
    },
    guardrails: {
      forTurn: () => playing.guardrails,
      asking: {
        openModel: (query, io) => playing.model.openModel(query, io),
        moderate: options.moderate ?? (() => Promise.reject(new Error('no moderation here'))),
        now: Date.now,
        log: { warn: () => undefined },
        timeouts: { endpointMs: 1_000, judgeMs: 1_000 },
      },
    },
    // A clock that runs away: a budget set by a test is seen at once.
    budgets: budgets({
      database,
      now: (
        (time) => () =>
          (time += 1e6)
      )(0),
    }),
    findTool: (name) => (name === 'look_up' ? { name, side: 'server' } : undefined),
    runTool: options.runTool ?? (async () => ({ result: 'Found it.', isError: false })),
    now: Date.now,
    log: { error: (fields) => errors.push(fields), warn: (fields) => errors.push(fields) },
    options: { ...defaultTurnsOptions, clientToolTimeoutMs: 3, maxSteps: 6, ...options.turns },
  }
  const room = turns(deps)
  await room.open()
  const witness = await openWitness(kind, folder!, url)
  return {
    kind,
    database,
    deps,
    rooms,
    principal: principal as Principal,
    /** Who answers; put another in its place. */
    get model() {
      return playing.model
    },
    set model(model) {
      playing.model = model
    },
    /** The rules that turns are held to from now on. */
    set guardrails(rules: readonly Guardrail[]) {
      playing.guardrails = rules
    },
    turns: room,
    /** What was logged as going wrong. */
    errors,
    /** A connection of its own: sees only what is committed. */
    witness,
    async close() {
      await room.close(2_000)
      await witness.close()
      await database.close()
      await home.remove()
    },
  }
}

export type TurnHouse = Awaited<ReturnType<typeof turnHouse>>

export interface Witness {
  /** Rows of a query without parameters. On SQLite they are read before this returns. */
  rows(sql: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

async function openWitness(kind: DatabaseKind, folder: string, url: string | undefined): Promise<Witness> {
  if (kind === 'sqlite') {
    const db = new DatabaseSync(join(folder, 'parley.db'), { readOnly: true })
    return {
      rows: (sql) => Promise.resolve(db.prepare(sql).all() as Record<string, unknown>[]),
      close: async () => db.close(),
    }
  }
  const pool = new pg.Pool({ connectionString: url!, max: 2 })
  // The end of the database ends its connections too, also one that is just being closed.
  pool.on('error', () => undefined)
  return { rows: async (sql) => (await pool.query(sql)).rows, close: () => pool.end() }
}

/** A stateless request that says something to model `m`. */
export function asks(principal: Principal, more: Partial<TurnRequest> = {}): TurnRequest {
  return {
    principal,
    door: 'test',
    target: { type: 'model', model: 'm' },
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
    sampling: {},
    tools: [],
    clientTools: 'pause',
    leave: 'continue',
    delivery: 'stream',
    ...more,
  }
}
