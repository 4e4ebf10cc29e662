import { DatabaseSync, StatementSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query, wrongInBooks } from '#test/support/ledger.ts'
import { type Home, makeHome, startParley } from '#test/support/parley.ts'
import { chunkText, postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

/** Counts everything this process writes into SQLite, and makes the disk full from the nth write on, or for it alone. */
class Disk {
  writes = 0
  private failing = 0
  private once = false
  private readonly undo: (() => void)[] = []

  constructor() {
    const disk = this
    const isWrite = (sql: string) => /^\s*(insert|update|delete|begin immediate|commit)/i.test(sql)
    for (const name of ['run', 'all'] as const) {
      const original = StatementSync.prototype[name] as (...values: unknown[]) => unknown
      const patched = StatementSync.prototype as unknown as Record<typeof name, typeof original>
      patched[name] = function (this: StatementSync, ...values) {
        if (isWrite(this.sourceSQL)) disk.write()
        return original.apply(this, values)
      }
      this.undo.push(() => {
        patched[name] = original
      })
    }
    const exec = DatabaseSync.prototype.exec
    DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
      if (isWrite(sql)) disk.write()
      return exec.call(this, sql)
    }
    this.undo.push(() => {
      DatabaseSync.prototype.exec = exec
    })
  }

  failFrom(nth: number, once: boolean): void {
    this.writes = 0
    this.failing = nth
    this.once = once
  }

  /** True when a write has failed. */
  makeRoom(): boolean {
    const failed = this.failing > 0 && this.writes >= this.failing
    this.failing = 0
    return failed
  }

  restore(): void {
    for (const undo of this.undo) undo()
  }

  private write(): void {
    this.writes++
    if (this.failing === 0 || (this.once ? this.writes !== this.failing : this.writes < this.failing)) return
    throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
  }
}

describe('the nth write of a turn fails', () => {
  let upstream: Upstream
  let home: Home
  let parley: Awaited<ReturnType<typeof startParley>>
  const disk = new Disk()

  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    upstream.respond({ text: ['All ', 'or ', 'nothing'] })
    home = await makeHome()
    parley = await startParley({ home, upstreamUrl: upstream.url })
  })
  afterAll(async () => {
    disk.restore()
    await parley.close()
    await home.remove()
    await upstream.close()
  })

  const post = (name: string) =>
    postSse(
      `${parley.url}/v1/chat/completions`,
      { ...parley.headers, 'x-session-id': name, 'idempotency-key': name },
      { model: 'gpt-sim', stream: true, messages: [{ role: 'user', content: name }] },
    )

  const turnsOf = (name: string) =>
    query(
      home,
      `select t.id, t.status from turns t join turn_inputs i on i.turn_id = t.id where i.messages like '%"${name}"%'`,
    )

  for (const once of [true, false])
    it(`${once ? 'once' : 'and every one after it'}: a clean refusal or the whole turn, and the same POST again makes it right`, async () => {
      const seen = { refused: 0, broken: 0, answered: 0 }
      for (let nth = 1; ; nth++) {
        const name = `${once ? 'once' : 'from'} ${nth}!`
        disk.failFrom(nth, once)
        const client = await post(name)
        const frames = client.status === 200 ? await client.all() : []
        const done = frames.at(-1)?.data === '[DONE]'
        if (client.status !== 200) {
          expect(client.status).toBe(503)
          expect(await client.body()).toMatchObject({ error: { code: 'overloaded' } })
          seen.refused++
        } else if (done) seen.answered++
        else {
          expect(frames.at(-1)!.data).toContain('"code":"overloaded"')
          seen.broken++
        }
        expect(await wrongInBooks(home)).toEqual([])
        const failed = disk.makeRoom()

        const turns = await turnsOf(name)
        expect(turns.length).toBe(client.status === 200 ? 1 : 0)
        if (done) expect(turns[0]!.status).toBe('completed')
        await until(async () => (await turnsOf(name)).every(({ status }) => status === 'completed'))
        // The disk has it a moment before the server knows that it has: until then it still says 503.
        const again = await until(async () => {
          const retried = await post(name)
          return retried.status === 200 && retried
        })
        expect(chunkText(await again.all())).toBe('All or nothing')
        expect(await turnsOf(name)).toHaveLength(1)
        expect(await wrongInBooks(home)).toEqual([])
        // Every write of the turn has had its failure.
        if (!failed) break
      }
      expect(seen.refused).toBeGreaterThan(once ? 0 : 4)
      expect(seen.answered).toBeGreaterThan(0)
      if (!once) expect(seen.broken).toBeGreaterThan(2)
    })

  it('leaves the books right when the jobs have had their room too', async () => {
    await until(async () => (await query(home, 'select id from jobs')).length === 0)
    expect(await wrongInBooks(home, { told: true })).toEqual([])
  })
})
