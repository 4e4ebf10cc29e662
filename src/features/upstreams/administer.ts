import { AppError, invalid } from '#errors/index.ts'
import { seal } from '#lib/seal.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { type Database, isUniqueViolation, type Transaction } from '#store/index.ts'
import { defaultPriority, defaultWeight } from './environment.ts'
import { changeRow, type UpstreamRow } from './store.ts'
import { type UpstreamChange, type UpstreamInput, validate } from './validate.ts'

export interface AdministerDeps {
  database: Database
  now(): number
  secretKey: Buffer
  /** Kinds that an administrator may add. */
  kinds: readonly string[]
}

/** The verbs on rows that administrators have. Who is one is decided above. All throw `not-found` for an unknown id. */
export function administer(deps: AdministerDeps) {
  const { database, now, secretKey } = deps

  async function get(publicId: string): Promise<UpstreamRow> {
    return found(
      await database.read.selectFrom('upstreams').selectAll().where('public_id', '=', publicId).executeTakeFirst(),
    )
  }

  /** Throws `conflict` when the name is taken. */
  async function create(input: UpstreamInput): Promise<UpstreamRow> {
    for (const field of ['name', 'kind', 'endpoint'] as const)
      if (input[field] === undefined) throw invalid(field, `${field} is missing`)
    const given = validate(input, deps.kinds)
    const at = now()
    return named(given.name, () =>
      database.write((tx) =>
        tx.db
          .insertInto('upstreams')
          .values({
            public_id: uuidv7(at),
            name: given.name,
            kind: given.kind,
            endpoint: given.endpoint,
            secret: given.secret ? seal(secretKey, given.secret) : null,
            models: JSON.stringify(given.models ?? []),
            model_map: JSON.stringify(given.modelMap ?? {}),
            prices: JSON.stringify(given.prices ?? {}),
            weight: given.weight ?? defaultWeight,
            priority: given.priority ?? defaultPriority,
            enabled: given.enabled === false ? 0 : 1,
            source: 'admin',
            created_at: at,
            updated_at: at,
          })
          .returningAll()
          .executeTakeFirstOrThrow(),
      ),
    )
  }

  /**
   * Throws `conflict` when the name is taken, and for what the environment says of an upstream that it gives. A secret
   * does not follow its upstream to another host: it must be given again.
   */
  async function update(publicId: string, change: UpstreamChange): Promise<UpstreamRow> {
    const given = validate(change, deps.kinds)
    return named(given.name ?? '', () =>
      database.write(async (tx) => {
        const row = await locked(tx, publicId)
        if (row.source === 'environment') refuseGiven(row, given)
        const moves = given.endpoint !== undefined && new URL(given.endpoint).origin !== originOf(row.endpoint)
        if (moves && row.secret !== null && given.secret === undefined)
          throw invalid('secret', 'The endpoint is on another host: give the secret again, or null to go without')
        return changeRow(
          tx,
          row,
          {
            ...(given.name !== undefined && { name: given.name }),
            ...(given.kind !== undefined && { kind: given.kind }),
            ...(given.endpoint !== undefined && { endpoint: given.endpoint }),
            ...(given.secret !== undefined && { secret: given.secret ? seal(secretKey, given.secret) : null }),
            ...(given.models !== undefined && { models: JSON.stringify(given.models) }),
            ...(given.modelMap !== undefined && { model_map: JSON.stringify(given.modelMap) }),
            ...(given.prices !== undefined && { prices: JSON.stringify(given.prices) }),
            ...(given.weight !== undefined && { weight: given.weight }),
            ...(given.priority !== undefined && { priority: given.priority }),
            ...(given.enabled !== undefined && { enabled: given.enabled ? 1 : 0 }),
          },
          now(),
        )
      }),
    )
  }

  /** Throws `conflict` for an upstream that the environment gives: it would be back at the next start. */
  async function remove(publicId: string): Promise<void> {
    await database.write(async (tx) => {
      const row = await locked(tx, publicId)
      if (row.source === 'environment')
        throw new AppError('conflict', `The environment gives the upstream ${row.name}: disable it instead`)
      await tx.db.deleteFrom('upstreams').where('id', '=', row.id).execute()
    })
  }

  async function locked(tx: Transaction, publicId: string): Promise<UpstreamRow> {
    const query = tx.db.selectFrom('upstreams').selectAll().where('public_id', '=', publicId)
    return found(await (database.dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirst())
  }

  return { get, create, update, remove }
}

function found(row: UpstreamRow | undefined): UpstreamRow {
  if (!row) throw new AppError('not-found', 'Upstream not found')
  return row
}

async function named<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (!isUniqueViolation(thrown)) throw thrown
    throw new AppError('conflict', `There is an upstream called ${name} already`, {
      details: { field: 'name' },
      cause: thrown,
    })
  }
}

function refuseGiven(row: UpstreamRow, change: UpstreamChange): void {
  for (const field of ['name', 'kind', 'endpoint', 'secret', 'models'] as const)
    if (change[field] !== undefined)
      throw new AppError('conflict', `The environment gives the ${field} of the upstream ${row.name}`, {
        details: { field },
      })
  if (change.enabled && row.endpoint === '')
    throw new AppError('conflict', `The variable of the upstream ${row.name} is no longer set`, {
      details: { field: 'enabled' },
    })
}

function originOf(endpoint: string): string | undefined {
  return URL.canParse(endpoint) ? new URL(endpoint).origin : undefined
}
