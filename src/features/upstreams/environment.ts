import { seal, unseal } from '#lib/seal.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Transaction } from '#store/index.ts'
import { changeRow, type UpstreamRow } from './store.ts'

/** What the configuration says of upstreams (config/env.ts). */
export interface EnvironmentUpstreams {
  openai?: { url: string; secret: string }
  anthropic?: { url: string; secret: string }
  gemini?: { url: string; secret: string }
  ollama?: { url: string }
}

export const defaultWeight = 100
export const defaultPriority = 100

/** A name that belongs to the environment; without an endpoint its variable is not set. */
export interface Given {
  name: string
  kind: string
  priority: number
  endpoint?: string
  secret?: string
  models?: string[]
}

/** Beside paid services, what runs on the own machine is the second choice; quoting is the last. */
const ollamaPriority = 200
const builtinPriority = 1_000

/**
 * Writes what the environment gives as rows of source `environment`, and returns the names it could not because an
 * administrator's upstream is called so. A row whose variable is gone is disabled and loses its endpoint and secret, but
 * keeps what an administrator set on it; it comes back with the variable.
 */
export async function writeEnvironment(
  tx: Transaction,
  given: readonly Given[],
  options: { secretKey: Buffer; now: number },
): Promise<string[]> {
  const names = given.map(({ name }) => name)
  const rows = await tx.db.selectFrom('upstreams').selectAll().where('name', 'in', names).execute()
  const shadowed: string[] = []
  for (const one of given) {
    const row = rows.find(({ name }) => name === one.name)
    if (row?.source === 'admin') {
      if (one.endpoint !== undefined) shadowed.push(one.name)
    } else if (row) await writeRow(tx, row, one, options)
    else if (one.endpoint !== undefined) await insertRow(tx, { ...one, endpoint: one.endpoint }, options)
  }
  return shadowed
}

export function givenBy(environment: EnvironmentUpstreams): Given[] {
  const { openai, anthropic, gemini, ollama } = environment
  const of = (upstream: { url: string; secret?: string } | undefined) =>
    upstream && { endpoint: upstream.url, ...(upstream.secret !== undefined && { secret: upstream.secret }) }
  return [
    { name: 'builtin', kind: 'builtin', priority: builtinPriority, endpoint: 'builtin:', models: ['extractive'] },
    { name: 'openai', kind: 'openai-compatible', priority: defaultPriority, ...of(openai) },
    { name: 'anthropic', kind: 'anthropic', priority: defaultPriority, ...of(anthropic) },
    { name: 'gemini', kind: 'google', priority: defaultPriority, ...of(gemini) },
    { name: 'ollama', kind: 'openai-compatible', priority: ollamaPriority, ...of(ollama) },
  ]
}

async function writeRow(tx: Transaction, row: UpstreamRow, given: Given, options: { secretKey: Buffer; now: number }) {
  const gone = row.endpoint === ''
  if (given.endpoint === undefined) {
    if (!gone) await changeRow(tx, row, { enabled: 0, endpoint: '', secret: null }, options.now)
    return
  }
  const secret = row.secret === null ? undefined : unseal(options.secretKey, row.secret)
  const moved = row.endpoint !== given.endpoint
  if (!moved && secret === given.secret && row.kind === given.kind) return
  await changeRow(
    tx,
    row,
    {
      kind: given.kind,
      endpoint: given.endpoint,
      secret: given.secret === undefined ? null : seal(options.secretKey, given.secret),
      ...(gone && { enabled: 1 }),
      // Another server has other models.
      ...(moved && { models: JSON.stringify(given.models ?? []) }),
    },
    options.now,
  )
}

async function insertRow(
  tx: Transaction,
  given: Given & { endpoint: string },
  { secretKey, now }: { secretKey: Buffer; now: number },
): Promise<void> {
  await tx.db
    .insertInto('upstreams')
    .values({
      public_id: uuidv7(now),
      name: given.name,
      kind: given.kind,
      endpoint: given.endpoint,
      secret: given.secret === undefined ? null : seal(secretKey, given.secret),
      models: JSON.stringify(given.models ?? []),
      model_map: '{}',
      prices: '{}',
      weight: defaultWeight,
      priority: given.priority,
      enabled: 1,
      source: 'environment',
      created_at: now,
      updated_at: now,
    })
    // Another process of the same installation may be starting too.
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}
