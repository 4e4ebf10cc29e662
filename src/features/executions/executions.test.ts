import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'
import { until } from '#test/support/until.ts'
import { frameTypes } from './execution.ts'
import { type Executions, executions } from './index.ts'

const hourMs = 3_600_000

for (const kind of databaseKinds)
  describe(`executions on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    let room: Executions
    let owner: Principal
    beforeAll(async () => {
      rooms = accountRooms(db.database)
      room = executions({ database: db.database, now: () => rooms.clock.now })
      owner = (await rooms.person('owner')).principal
    })

    const start = (who: Principal = owner) =>
      room.start({ workspaceId: who.workspace.id, userId: who.user.id, pluginId: 'weather', toolName: 'forecast' })
    const log = (id: string, message: string) => room.append(id, { type: 'log', data: { message } })
    const framesOf = async (id: string, after = 0, limit = 5000) =>
      room.frames((await room.findOpen(id))!.id, after, limit)

    it('have ids that nobody guesses', async () => {
      const ids = await Promise.all(Array.from({ length: 20 }, () => start()))
      expect(new Set(ids).size).toBe(20)
      for (const id of ids) {
        const bytes = Buffer.from(id.slice(4), 'base64url')
        expect(bytes.length).toBeGreaterThanOrEqual(16)
      }
      // Nothing of the time or of the one before is in them.
      const at = (n: number) => new Set(ids.map((id) => id[n])).size
      for (const n of [4, 10, 20, 35]) expect(at(n)).toBeGreaterThan(1)
    })

    it('keep their frames in order, and show them after any of them', () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({ type: fc.constantFrom(...frameTypes), data: fc.dictionary(fc.string(), fc.jsonValue()) }),
            { maxLength: 12 },
          ),
          fc.nat(12),
          async (frames, after) => {
            const id = await start()
            for (const frame of frames) await room.append(id, frame)
            const kept = await framesOf(id, after)
            expect(kept.map(({ type, data, seq }) => ({ type, data, seq }))).toEqual(
              // What JSON makes of -0 is 0.
              frames
                .map(({ type, data }, at) => ({ type, data: JSON.parse(JSON.stringify(data)), seq: at + 1 }))
                .slice(after),
            )
          },
        ),
        { numRuns: 20 },
      ))

    it('number what several tell at once without a gap or a repeat', async () => {
      const id = await start()
      await Promise.all(Array.from({ length: 60 }, (_, n) => log(id, `${n}`)))
      const kept = await framesOf(id)
      expect(kept.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
      expect(new Set(kept.map(({ data }) => data.message)).size).toBe(60)
    })

    it('end once, well or not, and take nothing after that', async () => {
      const id = await start()
      await log(id, 'one')
      expect(await room.get(owner, id)).toMatchObject({ status: 'running', frames: 1, endedAt: null })
      await room.finish(id, { result: { degrees: 21 } })
      expect(await room.get(owner, id)).toMatchObject({ status: 'completed', result: { degrees: 21 }, frames: 1 })
      await refused('conflict', () => log(id, 'too late'))
      await refused('conflict', () => room.finish(id, { error: 'too late' }))
      const failing = await start()
      await room.finish(failing, { error: 'No \0network' })
      expect(await room.get(owner, failing)).toMatchObject({ status: 'failed', error: 'No network' })
      await refused('conflict', () => log(`exe_${'x'.repeat(32)}`, 'nowhere'))
      const nothing = await start()
      await room.finish(nothing, { result: undefined })
      expect(await room.get(owner, nothing)).toMatchObject({ status: 'completed', result: null })
    })

    it('are bounded: what finds no room is counted, and the end is always told', async () => {
      const id = await start()
      const big = 'x'.repeat(60_000)
      for (let n = 0; n < 40; n++) await log(id, big)
      await room.append(id, { type: 'variable', data: { value: 'y'.repeat(70_000) } })
      await log(id, 'small')
      const run = await room.get(owner, id)
      expect(run.dropped).toBe(41 - 34)
      expect(run.frames).toBe(35)
      expect((await framesOf(id)).at(-1)!.data).toEqual({ message: 'small' })
      await room.finish(id, { result: 'z'.repeat(1_000_000) })
      const { result } = await room.get(owner, id)
      expect(result).toMatchObject({ truncated: true })
      expect(JSON.stringify(result).length).toBeLessThan(100_000)
      const many = await start()
      for (let batch = 0; batch < 21; batch++)
        await Promise.all(Array.from({ length: 100 }, (_, n) => log(many, `${n}`)))
      expect(await room.get(owner, many)).toMatchObject({ frames: 2_000, dropped: 100 })
    })

    it('are shown to who started them and to administrators of the workspace', async () => {
      const { principal: admin } = await rooms.person('admin')
      const { principal: member } = await rooms.person('member')
      const { principal: stranger } = await rooms.person('stranger')
      const ws = owner.workspace.publicId
      const inWorkspace = async (who: Principal, role: string): Promise<Principal> => {
        await rooms.workspaces.addMember(owner, ws, { user: { publicId: who.user.publicId }, role })
        return { ...who, workspace: owner.workspace, role: role as Principal['role'] }
      }
      const [boss, one] = [await inWorkspace(admin, 'admin'), await inWorkspace(member, 'member')]
      const theirs = await start(one)
      const hers = await start(owner)
      for (const who of [owner, boss, one]) expect((await room.get(who, theirs)).publicId).toBe(theirs)
      await refused('not-found', () => room.get(one, hers))
      await refused('not-found', () => room.get(stranger, theirs))
      // The same person, acting in another workspace.
      await refused('not-found', () => room.get(member, theirs))
      const listed = async (who: Principal) =>
        (await room.list(who, { limit: 100 })).executions.map(({ publicId }) => publicId)
      expect(await listed(one)).toEqual([theirs])
      expect((await listed(boss)).slice(0, 2)).toEqual([hers, theirs])
      expect(await listed(stranger)).toEqual([])
      await refused('invalid-request', () => room.list(stranger, { limit: 5, before: theirs }), 'before')
      const app = await rooms.apps.create(owner, { name: 'Public' })
      await refused('forbidden', () => room.list(rooms.auth.principalForApp(app), { limit: 5 }))
      await refused('forbidden', () => room.get(rooms.auth.principalForApp(app), hers))
    })

    it('are listed in pages, the newest first', async () => {
      const { principal } = await rooms.person()
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.unshift(await start(principal))
      const first = await room.list(principal, { limit: 2 })
      expect(first.more).toBe(true)
      const rest = await room.list(principal, { limit: 3, before: ids[1]! })
      expect(rest.more).toBe(false)
      expect([...first.executions, ...rest.executions].map(({ publicId }) => publicId)).toEqual(ids)
    })

    it('are gone an hour after their end, and a day after their start if they never end', async () => {
      const [ended, endless] = [await start(), await start()]
      await log(ended, 'one')
      await room.finish(ended, { result: 1 })
      rooms.clock.now += hourMs - 1
      expect(await room.findOpen(ended)).toBeDefined()
      rooms.clock.now += 1
      expect(await room.findOpen(ended)).toBeUndefined()
      await refused('not-found', () => room.get(owner, ended))
      expect(await room.findOpen(endless)).toBeDefined()
      await room.prune()
      const rows = await db.database.read
        .selectFrom('plugin_execution_events as f')
        .leftJoin('plugin_executions as e', 'e.id', 'f.execution_id')
        .select(['e.id', 'e.public_id'])
        .execute()
      expect(rows.filter((row) => row.id === null || row.public_id === ended)).toEqual([])
      rooms.clock.now += 23 * hourMs
      expect(await room.findOpen(endless)).toBeUndefined()
      await room.prune()
    })

    it('ring for who watches, also when another process tells of them', async () => {
      const id = await start()
      let rung = 0
      const leave = room.watch(id, () => rung++)
      await log(id, 'one')
      await room.finish(id, { result: 1 })
      expect(rung).toBe(2)
      if (kind === 'postgres') await until(() => rung > 2)
      leave()
      room.close()
    })
  })
