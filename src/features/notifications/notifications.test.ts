import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { type AccountRooms, accountRooms } from '#test/support/rooms.ts'
import { until } from '#test/support/until.ts'
import { type NewNotification, type Notifications, notifications } from './index.ts'

const log = { warn: () => undefined }
const dayMs = 86_400_000

for (const kind of databaseKinds)
  describe(`notifications on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: AccountRooms
    let room: Notifications
    let sources = 0
    beforeAll(() => {
      rooms = accountRooms(db.database)
      room = notifications({ database: db.database, now: () => rooms.clock.now, log })
    })

    const draft = (to: Principal, more: Partial<NewNotification> = {}): NewNotification => ({
      userId: to.user.id,
      workspaceId: to.workspace.id,
      kind: 'guardrail_hit',
      source: `test/${++sources}`,
      title: `Title ${sources}`,
      body: 'Body',
      actionUrl: null,
      data: { n: sources },
      ...more,
    })
    const add = (...drafts: NewNotification[]) => db.database.write((tx) => room.add(tx, drafts))
    const titles = async (who: Principal, after = 0) =>
      (await room.pending(who, after, 100)).map((notification) => notification.title)
    const ids = async (who: Principal) =>
      (await room.list(who, { unread: false, limit: 100 })).notifications.map(({ publicId }) => publicId)

    it('are told once of each source, however often they are added', async () => {
      const { principal } = await rooms.person()
      const other = (await rooms.person()).principal
      const one = draft(principal)
      expect(await add(one, one)).toEqual([principal.user.id])
      expect(await add(one, { ...one, title: 'Another title' })).toEqual([])
      expect(await titles(principal)).toEqual([one.title])
      // The same source is something else for somebody else.
      const same = { ...draft(other), source: one.source }
      expect(await add(one, same)).toEqual([other.user.id])
    })

    it('wait in order until they are read or acknowledged', async () => {
      const { principal } = await rooms.person()
      const drafts = Array.from({ length: 5 }, () => draft(principal))
      await add(...drafts)
      expect(await titles(principal)).toEqual(drafts.map(({ title }) => title))
      const [newest, , middle] = await ids(principal)
      await room.markRead(principal, newest!)
      await room.acknowledge(principal, middle!)
      expect(await titles(principal)).toEqual([0, 1, 3].map((n) => drafts[n]!.title))
      const page = await room.pending(principal, 0, 2)
      expect(await titles(principal, page.at(-1)!.id)).toEqual([drafts[3]!.title])
    })

    it('are listed in pages, the newest first, with how many are unread', async () => {
      const { principal } = await rooms.person()
      const drafts = Array.from({ length: 5 }, () => draft(principal))
      await add(...drafts)
      const first = await room.list(principal, { unread: false, limit: 2 })
      expect(first).toMatchObject({ unread: 5, more: true })
      const last = first.notifications.at(-1)!
      const second = await room.list(principal, { unread: false, limit: 3, before: last.publicId })
      expect(second).toMatchObject({ unread: 5, more: false })
      expect([...first.notifications, ...second.notifications].map(({ title }) => title)).toEqual(
        drafts.map(({ title }) => title).reverse(),
      )
      rooms.clock.now += 1000
      const read = await room.markRead(principal, last.publicId)
      expect(read.readAt).toBe(rooms.clock.now)
      rooms.clock.now += 1000
      expect((await room.markRead(principal, last.publicId)).readAt).toBe(read.readAt)
      // Received is not read.
      expect((await room.acknowledge(principal, first.notifications[0]!.publicId)).readAt).toBeNull()
      const unread = await room.list(principal, { unread: true, limit: 10 })
      expect(unread.unread).toBe(4)
      expect(unread.notifications.map(({ publicId }) => publicId)).not.toContain(last.publicId)
      expect(await room.markAllRead(principal)).toBe(4)
      expect(await room.markAllRead(principal)).toBe(0)
      expect(await room.list(principal, { unread: true, limit: 10 })).toMatchObject({ notifications: [], unread: 0 })
    })

    it('are nobody else’s', async () => {
      const { principal } = await rooms.person()
      const eve = (await rooms.person()).principal
      await add(draft(principal), draft(eve))
      const [hers] = await ids(principal)
      const [own] = await ids(eve)
      await refused('not-found', () => room.get(eve, hers!))
      await refused('not-found', () => room.markRead(eve, hers!))
      await refused('not-found', () => room.acknowledge(eve, hers!))
      await refused('not-found', () => room.get(eve, 'no uuid'))
      await refused('invalid-request', () => room.list(eve, { unread: false, limit: 5, before: hers! }), 'before')
      expect(await room.markEach(eve, 'read', [hers!, own!, 'no uuid'])).toEqual([own])
      await room.markAllRead(eve)
      expect((await room.get(principal, hers!)).readAt).toBeNull()
    })

    it('show a key those of its own workspace, and a reader’s key marks nothing', async () => {
      const { principal } = await rooms.person()
      const other = await rooms.workspaces.create(principal, { name: 'Other' })
      const { principal: key } = await rooms.keyOf(principal)
      const { principal: reader } = await rooms.keyOf(principal, { scopes: ['read'] })
      const here = draft(principal)
      await add(here, draft(principal, { workspaceId: other.ref.id }), draft(principal, { workspaceId: null }))
      expect(await titles(key)).toEqual([here.title])
      expect(await titles(principal)).toHaveLength(3)
      await room.markAllRead(key)
      expect(await titles(principal)).toHaveLength(2)
      await refused('forbidden', () => room.markAllRead(reader))
      await refused('forbidden', () => room.markEach(reader, 'acknowledged', []))
    })

    it('of a workspace are seen by who is in it, as long as he is', async () => {
      const { principal: owner } = await rooms.person('owner')
      const { principal: member } = await rooms.person('member')
      const ws = owner.workspace.publicId
      const user = { publicId: member.user.publicId }
      await rooms.workspaces.addMember(owner, ws, { user, role: 'member' })
      const told = draft(member, { workspaceId: owner.workspace.id })
      await add(told)
      const [id] = await ids(member)
      await rooms.workspaces.removeMember(owner, ws, member.user.publicId)
      expect(await titles(member)).toEqual([])
      await refused('not-found', () => room.get(member, id!))
      expect(await room.list(member, { unread: false, limit: 5 })).toMatchObject({ notifications: [], unread: 0 })
      await rooms.workspaces.addMember(owner, ws, { user, role: 'member' })
      expect(await titles(member)).toEqual([told.title])
    })

    it('are not opened by an app’s token', async () => {
      const { principal } = await rooms.person()
      const app = await rooms.apps.create(principal, { name: 'Public' })
      const visitor = rooms.auth.principalForApp(app)
      await refused('forbidden', () => room.list(visitor, { unread: false, limit: 5 }))
      await refused('forbidden', () => room.pending(visitor, 0, 5))
    })

    it('are forgotten after ninety days, and beyond a thousand', async () => {
      const { principal } = await rooms.person()
      const { principal: other } = await rooms.person()
      await add(draft(principal))
      rooms.clock.now += 80 * dayMs
      const kept = draft(other)
      await add(kept, ...Array.from({ length: 1002 }, () => draft(principal)))
      rooms.clock.now += 11 * dayMs
      await room.prune()
      const [first] = await room.pending(principal, 0, 1)
      const { unread } = await room.list(principal, { unread: false, limit: 1 })
      expect(unread).toBe(1000)
      expect(first!.data.n).toBe(sources - 999)
      expect(await titles(other)).toEqual([kept.title])
    })

    it('reach a reader with a cursor without a gap, however many write at once', () =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 }), async (sizes) => {
          const { principal } = await rooms.person()
          const databases = [db.database, ...(kind === 'postgres' ? [await db.openAgain()] : [])]
          const wanted = new Set<string>()
          let writing = true
          const writes = sizes.map((size, at) => {
            const drafts = Array.from({ length: size }, () => draft(principal))
            for (const { title } of drafts) wanted.add(title)
            const database = databases[at % databases.length]!
            const own = notifications({ database, now: Date.now, log })
            return database.write(async (tx) => {
              // The order is held from here on, while others are under way.
              await tx.db.selectFrom('users').select('id').limit(1).execute()
              return own.add(tx, drafts)
            })
          })
          const seen: string[] = []
          const read = async () => {
            for (let after = 0; ; ) {
              const over = !writing
              const page = await room.pending(principal, after, 3)
              seen.push(...page.map(({ title }) => title))
              after = page.at(-1)?.id ?? after
              if (over && page.length === 0) return
              // Reads of SQLite never leave the turn of the event loop in which writers could go on.
              await setImmediate()
            }
          }
          const reading = read()
          await Promise.all(writes)
          writing = false
          await reading
          expect([...seen].sort()).toEqual([...wanted].sort())
          for (const database of databases.slice(1)) await database.close()
        }),
        { numRuns: kind === 'postgres' ? 15 : 30 },
      ))

    it('ring for who waits, also when another process has stored them', async () => {
      const { principal } = await rooms.person()
      let rung = 0
      const leave = room.watch(principal.user.id, () => rung++)
      room.ring(await add(draft(principal)))
      expect(rung).toBe(1)
      if (kind === 'postgres') {
        // The first look of a watcher rings once for what it may have missed.
        await until(() => rung === 2)
        const again = await db.openAgain()
        const elsewhere = notifications({ database: again, now: Date.now, log })
        await again.write((tx) => elsewhere.add(tx, [draft(principal)]))
        await until(() => rung === 3)
        await again.close()
      }
      leave()
      room.ring([principal.user.id])
      expect(rung).toBe(kind === 'postgres' ? 3 : 1)
      await room.close()
    })
  })
