import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { Home } from './parley.ts'

type Row = Record<string, number | string | null>

/** Runs a query on a home's database, also while a server has it open. Numbers come as numbers. */
export async function query(home: Home, sql: string): Promise<Row[]> {
  if (home.kind === 'sqlite') {
    const database = new DatabaseSync(join(home.env.PARLEY_DATA!, 'parley.db'), { readOnly: true })
    try {
      return database.prepare(sql).all() as Row[]
    } finally {
      database.close()
    }
  }
  const types = { getTypeParser: (oid: number) => (oid === 20 || oid === 1700 || oid === 23 ? Number : String) }
  const client = new pg.Client({ connectionString: home.env.DATABASE_URL!, types: types as never })
  await client.connect()
  try {
    return (await client.query(sql)).rows as Row[]
  } finally {
    await client.end()
  }
}

/** Ends the leases of the dead: PostgreSQL, by whose clock they run, would believe in them for some time. */
export async function lapseLeases(home: Home): Promise<void> {
  if (home.kind === 'postgres') await query(home, 'update processes set lease_until = 0')
}

const figures = ['input_tokens', 'output_tokens', 'cached_input_tokens', 'reasoning_tokens', 'cost_micros']

/** What must never be found, whatever happened before: [what it means, the query that finds it]. */
const rules: [string, string][] = [
  ['a turn without its input', 'select id from turns where id not in (select turn_id from turn_inputs)'],
  ['an input without its turn', 'select turn_id from turn_inputs where turn_id not in (select id from turns)'],
  [
    'an ended turn without its output',
    `select id, status from turns where status <> 'running' and id not in (select turn_id from turn_outputs)`,
  ],
  [
    'an output of a turn that has not ended',
    `select o.turn_id from turn_outputs o left join turns t on t.id = o.turn_id where t.id is null or t.status = 'running'`,
  ],
  ['an ended turn without its time', `select id from turns where (status = 'running') <> (ended_at is null)`],
  [
    'a checkpoint of an ended turn',
    `select c.turn_id from turn_checkpoints c join turns t on t.id = c.turn_id where t.status <> 'running'`,
  ],
  [
    'a negative figure of a turn',
    `select id from turns where ${figures.map((name) => `${name} < 0`).join(' or ')} or reserved_micros < 0`,
  ],
  ['more cached than input tokens', 'select id from turns where cached_input_tokens > input_tokens'],
  [
    'money reserved for no running turn',
    `select w.id, w.reserved_micros from workspaces w where w.reserved_micros <>
     (select coalesce(sum(t.reserved_micros), 0) from turns t where t.workspace_id = w.id and t.status = 'running')`,
  ],
  [
    'money spent that is not what the turns cost',
    `select w.id, w.spent_micros from workspaces w where w.spent_micros <>
     (select coalesce(sum(t.cost_micros), 0) from turns t where t.workspace_id = w.id)`,
  ],
  [
    'an Idempotency-Key of a turn that is not there',
    'select key from idempotency_keys where turn_id not in (select id from turns)',
  ],
  ['a job that was given up', 'select id, kind, error from jobs where dead = 1'],
]

const sums = figures.map((name) => `coalesce(sum(${name}), 0) as ${name}`).join(', ')

/**
 * Everything that is wrong in the books, in words; an empty list is what a test expects. `told`: every job has been run,
 * so the hourly usage must agree with the turns.
 */
export async function wrongInBooks(home: Home, options: { told?: boolean } = {}): Promise<string[]> {
  const wrong: string[] = []
  for (const [meaning, sql] of rules) {
    const rows = await query(home, sql)
    if (rows.length > 0) wrong.push(`${meaning}: ${JSON.stringify(rows)}`)
  }
  if (options.told) {
    const turns = await query(
      home,
      `select model, upstream, count(*) as turns, ${sums} from turns where status <> 'running'
       group by model, upstream order by model, upstream`,
    )
    const hourly = await query(
      home,
      `select model, upstream, sum(turns) as turns, ${sums} from usage_hourly group by model, upstream
       order by model, upstream`,
    )
    if (JSON.stringify(turns) !== JSON.stringify(hourly))
      wrong.push(`usage_hourly says ${JSON.stringify(hourly)}, the turns say ${JSON.stringify(turns)}`)
    const jobs = await query(home, 'select id, kind from jobs')
    if (jobs.length > 0) wrong.push(`jobs that nobody has run: ${JSON.stringify(jobs)}`)
  }
  return wrong
}
