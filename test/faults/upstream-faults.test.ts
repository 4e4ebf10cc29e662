import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCodes } from '#errors/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { openDatabase } from '#store/index.ts'
import { type Answer, ask, type DoorName, doorNames, makeApp } from '#test/support/doors.ts'
import { query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { type Fault, faults, startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

const words = ['Un ', 'deux ', 'trois']
const answer = words.join('')
/** What each door calls an upstream's failure once its stream has begun. */
const streamCode = (code: string, door: DoorName) => {
  if (door.startsWith('openai')) return code.replaceAll('-', '_')
  if (door === 'kadal')
    return errorCodes[code as keyof typeof errorCodes].status === 503 ? 'SERVICE_UNAVAILABLE_ERROR' : 'UPSTREAM_ERROR'
  return (
    { 'upstream-timeout': 'timeout', 'upstream-rate-limited': 'rate_limit', 'upstream-auth': 'auth_error' }[code] ??
    'provider_error'
  )
}
/** Asked once more when there is nobody else to ask. */
const askedAgain = new Set(['upstream-overloaded', 'upstream-unreachable'])

/**
 * Each case has an upstream, a model and an app of its own, so that no circuit and no scripted answer of one case
 * reaches another. `f` fails over to the backup, `s` has nobody else, `a` breaks after two words.
 */
type Variant = 'f' | 's' | 'a'
interface Case {
  fault: Fault
  door: DoorName
  model: string
  sim: Upstream
  origin: string
  appId: string
}

describe('the sixteen faults of upstreams', () => {
  const cases = new Map<string, Case>()
  const sims: Upstream[] = []
  let backup: Upstream
  let home: Home
  let parley: Awaited<ReturnType<typeof startParley>>

  const nameOf = (fault: Fault, variant: Variant, door: DoorName) => `${variant}/${fault.name}/${door}`

  beforeAll(async () => {
    backup = await simulator()
    backup.respond({ text: words })
    home = await makeHome()
    for (const fault of faults)
      for (const door of doorNames)
        for (const variant of ['f', 's', 'a'] as const) {
          if (!(variant === 'a' ? fault.after : fault.before)) continue
          if (variant === 'a' && door === 'openai whole') continue
          const sim = await simulator()
          const options = { reply: { text: words }, after: variant === 'a' ? 2 : 0 }
          const origin = await fault.arm(sim, options)
          // The second attempt must find the fault too, where there is one.
          if (variant === 's' && fault.outcome !== 'ok') await fault.arm(sim, options)
          cases.set(nameOf(fault, variant, door), { fault, door, model: `m${cases.size}`, sim, origin, appId: '' })
        }
    await seed()
    parley = await startParley({
      home,
      overrides: { timeouts: { connectMs: 3_000, firstPartMs: 3_000, betweenPartsMs: 3_000, wholeMs: 3_000 } },
    })
    for (const each of cases.values())
      if (!each.door.startsWith('openai')) each.appId = await makeApp(parley, each.model)
  })

  afterAll(async () => {
    await parley.close()
    expect(await wrongInBooks(home, { told: true })).toEqual([])
    await home.remove()
    for (const sim of sims) await sim.close()
  })

  async function simulator(): Promise<Upstream> {
    const sim = await startUpstream()
    sims.push(sim)
    return sim
  }

  /** An upstream for each case, with a price, and the backup that offers what the `f` cases use. */
  async function seed(): Promise<void> {
    const database = await openDatabase({ folder: home.env.PARLEY_DATA!, subscribersOf: () => [], now: Date.now })
    const row = (name: string, url: string, models: string[], priority: number) => ({
      public_id: uuidv7(Date.now()),
      name,
      kind: 'openai-compatible',
      endpoint: url,
      secret: null,
      models: JSON.stringify(models),
      model_map: '{}',
      prices: JSON.stringify(
        Object.fromEntries(models.map((model) => [model, { input: 1_000_000, output: 2_000_000 }])),
      ),
      weight: 100,
      priority,
      enabled: 1,
      source: 'admin' as const,
      created_at: Date.now(),
      updated_at: Date.now(),
    })
    const all = [...cases.entries()]
    const backedUp = all.filter(([name]) => name.startsWith('f/')).map(([, { model }]) => model)
    await database.write((tx) =>
      tx.db
        .insertInto('upstreams')
        .values([
          row('backup', backup.url, backedUp, 200),
          ...all.map(([, { model, origin }]) => row(`u-${model}`, `${origin}/v1`, [model], 100)),
        ])
        .execute(),
    )
    await database.close()
  }

  async function run(fault: Fault, variant: Variant, door: DoorName) {
    const { model, appId, sim } = cases.get(nameOf(fault, variant, door))!
    const got = await ask(door, { parley, model, appId, content: 'Count in French' })
    const [row] = await query(home, `select * from turns where model = '${model}'`)
    const [{ n }] = (await query(home, `select count(*) as n from turns where model = '${model}'`)) as [{ n: number }]
    expect(n).toBe(1)
    const [output] = await query(home, `select parts from turn_outputs where turn_id = ${row!.id}`)
    return { got, row: row!, stored: JSON.parse(String(output!.parts)) as { text?: string }[], sim, model }
  }

  const each = (names: readonly DoorName[], work: (door: DoorName) => Promise<void>) => Promise.all(names.map(work))

  function expectRight(got: Answer): void {
    expect(got).toMatchObject({ status: 200, text: answer, completed: true, ends: 1 })
    expect(got.error).toBeUndefined()
  }

  for (const fault of faults.filter(({ before }) => before)) {
    it(`${fault.name}, before the first token: ${fault.outcome === 'ok' ? 'the answer is right' : 'another upstream answers'}`, () =>
      each(doorNames, async (door) => {
        const { got, row, stored, model } = await run(fault, 'f', door)
        expectRight(got)
        expect(row).toMatchObject({
          status: 'completed',
          upstream: fault.outcome === 'ok' ? `u-${model}` : 'backup',
        })
        expect(stored).toEqual([{ type: 'text', text: answer }])
        // Three words, or an estimate of them; never nothing, never less.
        expect(row.input_tokens).toBeGreaterThan(0)
        expect(row.output_tokens).toBeGreaterThan(0)
        expect(row.output_tokens).toBeLessThan(20)
        expect(row.estimated).toBe(/missing|negative/.test(fault.name) ? 1 : 0)
        expect(row.cost_micros).toBe(Number(row.input_tokens) + 2 * Number(row.output_tokens))
      }))

    if (fault.outcome === 'ok') continue
    it(`${fault.name}, before the first token and nobody else to ask: a clean error`, () =>
      each(doorNames, async (door) => {
        const { got, row, stored, sim } = await run(fault, 's', door)
        const code = fault.outcome as keyof typeof errorCodes
        const socket = door === 'chat-socket'
        expect(got).toMatchObject({
          status: socket ? 200 : errorCodes[code].status,
          text: '',
          completed: false,
          ends: 1,
        })
        expect(got.error!.code).toBe(door === 'app' ? 'error' : streamCode(code, door))
        expect(got.error!.message).not.toBe('')
        expect(JSON.stringify(got.error)).not.toMatch(/127\.0\.0\.1|ECONN|secret|Welcome/i)
        expect(row).toMatchObject({ status: 'failed', output_tokens: 0, cost_micros: 0 })
        expect(JSON.parse(String(row.error)).code).toBe(code)
        expect(stored).toEqual([])
        if (code === 'upstream-rate-limited') expect(sim.requests.length).toBeGreaterThan(0)
        else if (sim.requests.length > 0) expect(sim.requests).toHaveLength(askedAgain.has(code) ? 2 : 1)
        expect(sim.openRequests).toBe(0)
      }))
  }

  for (const fault of faults.filter(({ after }) => after))
    it(`${fault.name}, after two words: kept, settled once, and one clean end`, () =>
      each(['openai', 'app', 'chat-socket', 'kadal'], async (door) => {
        const { got, row, stored, sim } = await run(fault, 'a', door)
        expect(got).toMatchObject({ status: 200, text: 'Un deux ', completed: false, ends: 1 })
        expect(got.error!.code).toBe(streamCode(fault.outcome, door))
        expect(JSON.stringify(got.error)).not.toMatch(/127\.0\.0\.1|ECONN|secret/i)
        expect(row).toMatchObject({ status: 'failed', estimated: 1, finish_reason: 'error' })
        expect(stored).toEqual([{ type: 'text', text: 'Un deux ' }])
        expect(row.output_tokens).toBeGreaterThan(0)
        expect(row.cost_micros).toBe(Number(row.input_tokens) + 2 * Number(row.output_tokens))
        // Text was shown: asking again would repeat it.
        expect(sim.requests).toHaveLength(1)
        await sim.idle()
      }))

  it('usage that is told twice is charged once', async () => {
    const rows = await query(home, `select input_tokens, output_tokens, model from turns where upstream <> 'backup'`)
    const of = (name: string) => rows.find(({ model }) => model === cases.get(`f/${name}/openai`)!.model)!
    expect(of('usage twice').output_tokens).toBe(of('torn UTF-8 and frames').output_tokens)
    expect(of('usage twice').input_tokens).toBe(of('torn UTF-8 and frames').input_tokens)
  })
})
