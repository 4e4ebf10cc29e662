import fc from 'fast-check'
import { type Kysely, sql } from 'kysely'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import { turnStore } from '#features/retention/stores/turns.ts'
import { historySlots } from '#store/migrations/0007-history-slots.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { accountRooms } from '#test/support/rooms.ts'
import { until } from '#test/support/until.ts'
import { fold } from './fold.ts'
import { type History, type HistoryFilter, type HistoryPage, history } from './index.ts'
import { type SaidForTest, writeTurns } from './rows-for-test.ts'

/** Letters that many texts share, so that searches find something; several scripts, and what databases take for operators. */
const letters = fc.oneof(
  fc.constantFrom(...'aabE ', 'ß', 'é', 'İ'),
  fc.constantFrom('한', '국', '어', '漢', '字', '시', '日'),
  fc.constantFrom('ж', 'Ж', 'ا', 'ب', 'क', 'ा', '🙂', '👩\u200d🚀'),
  fc.constantFrom('%', '_', '"', '*', "'", '\\', '(', '\n', 'OR ', 'NEAR('),
)
const texts = fc.array(letters, { maxLength: 25 }).map((parts) => parts.join(''))
const needles = fc.oneof(
  fc.array(letters, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  fc.constantFrom('%', '_', '"', '*', 'OR', 'NEAR(', "' or 1=1 --", '한국', '漢字', '🙂', 'ss', 'SS', ' '),
)
const objects = fc.constantFrom(undefined, 'invoice-1', 'invoice-2')

for (const kind of databaseKinds)
  describe(`the history on ${kind}`, () => {
    const db = useDatabase(kind)
    let rooms: ReturnType<typeof accountRooms>
    let owner: Principal
    let member: Principal
    let room: History
    beforeAll(async () => {
      rooms = accountRooms(db.database)
      owner = (await rooms.person('owner')).principal
      member = { ...owner, user: (await rooms.person('member')).principal.user, role: 'member' }
      room = history({
        database: db.database,
        now: () => rooms.clock.now,
        log: { warn: (fields) => expect(fields).toBeUndefined() },
        catchUp: async () => undefined,
        segmentRows: 16,
      })
    })

    const newApp = () => rooms.apps.create(owner, { name: 'Bot' })

    async function say(app: App, said: readonly SaidForTest[]): Promise<void> {
      const keys = await writeTurns(db.database, app, said)
      await db.database.write((tx) => room.index(tx, keys))
    }

    const saying = fc.record({
      by: fc.constantFrom('owner', 'member'),
      question: texts,
      answer: texts,
      objectId: objects,
      externalUserId: fc.constantFrom(undefined, 'visitor-1'),
      event: fc.constantFrom(undefined, undefined, undefined, 'file', 'tool', 'verbose') as fc.Arbitrary<
        SaidForTest['event']
      >,
      isVisitors: fc.boolean(),
    })
    type Saying = typeof saying extends fc.Arbitrary<infer T> ? T : never
    const toSaid = ({ by, ...one }: Saying): SaidForTest => {
      const given = Object.entries(one).filter(([, value]) => value !== undefined)
      return { ...(Object.fromEntries(given) as unknown as SaidForTest), by: by === 'owner' ? owner : member }
    }
    const filters = fc.record(
      {
        text: needles,
        createdBy: fc.constantFrom('owner', 'member', 'nobody@example.test'),
        objectId: fc.constantFrom('invoice-1', 'invoice-2', 'none'),
        externalUserId: fc.constant('visitor-1'),
        withoutToolEvents: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    const named = (filter: HistoryFilter): HistoryFilter => {
      const { createdBy } = filter
      const ids: Record<string, string> = { owner: owner.user.publicId, member: member.user.publicId }
      return createdBy === undefined ? filter : { ...filter, createdBy: ids[createdBy] ?? createdBy }
    }

    /** What the history must hold for this filter, by looking at every row. */
    function scan(said: readonly SaidForTest[], viewer: Principal, filter: HistoryFilter): SaidForTest[] {
      const needle = fold(filter.text ?? '')
      const only = filter.createdBy ?? (viewer.role === 'member' ? viewer.user.publicId : undefined)
      return said.filter(
        (one) =>
          (only === undefined || (one.by.user.publicId === only && !one.isVisitors)) &&
          (viewer.role !== 'member' || one.by === viewer) &&
          (filter.objectId === undefined || one.objectId === filter.objectId) &&
          (filter.externalUserId === undefined || one.externalUserId === filter.externalUserId) &&
          !(filter.withoutToolEvents && (one.event === 'tool' || one.event === 'verbose')) &&
          (fold(one.question).includes(needle) || fold(one.answer).includes(needle)),
      )
    }
    const shown = (page: HistoryPage) => page.entries.map(({ question, answer }) => ({ question, answer }))
    const wanted = (said: readonly SaidForTest[]) =>
      said.map(({ question, answer }) => ({ question: question.toWellFormed(), answer: answer.toWellFormed() }))
    const runs = { numRuns: kind === 'sqlite' ? 40 : 15 }

    it('finds what is in segments that an earlier version has made, before and after they are made again', async () => {
      const app = await newApp()
      await say(
        app,
        Array.from({ length: 40 }, (_, n) => ({ by: owner, question: `turn ${n} zyx`, answer: 'ok' })),
      )
      await room.seal()
      const total = async () =>
        (await room.page(owner, app, { text: 'zyx' }, { number: 1, size: 50, order: 'asc' })).total
      expect(await total()).toBe(40)
      // As if its letters had gone to other slots.
      const slots = db.database.read.selectFrom('history_slots').select((eb) => eb.fn.countAll<number>().as('n'))
      await db.database.write((tx) => tx.db.updateTable('history_slots').set({ slot: sql`slot + 40000` }).execute())
      expect(await total()).toBe(8)
      await db.database.write((tx) => historySlots(tx.db as unknown as Kysely<unknown>, db.database.dialect))
      expect((await slots.executeTakeFirstOrThrow()).n).toBe(0)
      expect(await total()).toBe(40)
      await room.seal()
      expect(Number((await slots.executeTakeFirstOrThrow()).n)).toBeGreaterThan(0)
      expect(await total()).toBe(40)
    })

    it('shows all rows once and in order, whatever the page size, the filter and what is added meanwhile', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(saying, { minLength: 1, maxLength: 60 }),
          fc.array(saying, { minLength: 1, maxLength: 3 }),
          filters,
          fc.constantFrom('asc' as const, 'desc' as const),
          fc.integer({ min: 1, max: 9 }),
          fc.boolean(),
          fc.boolean(),
          async (first, later, asked, order, size, asOwner, sealed) => {
            const app = await newApp()
            const said = first.map(toSaid)
            await say(app, said)
            if (sealed) await room.seal()
            const viewer = asOwner ? owner : member
            const filter = named(asked)
            const before = scan(said, viewer, filter)
            const seen: object[] = []
            for (let number = 1; ; number++) {
              const page = await room.page(viewer, app, filter, { number, size, order })
              seen.push(...shown(page))
              if (!page.hasMore) break
              expect(page.entries.length).toBe(size)
              const more = later.map(toSaid)
              // Paging would never end if as much came as is read.
              if (number <= 3) {
                await say(app, more)
                said.push(...more)
              }
            }
            const all = order === 'desc' ? before.reverse() : scan(said, viewer, filter)
            expect(seen).toEqual(wanted(all))
          },
        ),
        runs,
      )
    })

    it('finds what a look at every text finds, in any script', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(saying, { minLength: 20, maxLength: 80 }),
          fc.array(needles, { minLength: 3, maxLength: 6 }),
          fc.boolean(),
          async (sayings, looked, asOwner) => {
            const app = await newApp()
            const said = sayings.map(toSaid)
            await say(app, said.slice(0, 40))
            await room.seal()
            await say(app, said.slice(40))
            const viewer = asOwner ? owner : member
            for (const text of looked)
              for (const order of ['asc', 'desc'] as const) {
                const page = await room.page(viewer, app, { text }, { number: 1, size: 100, order })
                const all = scan(said, viewer, { text })
                expect(shown(page)).toEqual(wanted(order === 'asc' ? all : all.reverse()))
                expect(page).toMatchObject({ total: all.length, hasMore: false })
              }
          },
        ),
        runs,
      )
    })

    it('counts exactly, also behind the last page, and of searches up to a thousand', async () => {
      const app = await newApp()
      const one: SaidForTest = { by: owner, question: 'again', answer: 'and again' }
      await say(app, Array<SaidForTest>(1100).fill(one))
      const page = (number: number, filter: HistoryFilter = {}) =>
        room.page(owner, app, filter, { number, size: 100, order: 'asc' })
      expect(await page(11)).toMatchObject({ total: 1100, hasMore: false })
      expect((await page(11)).entries.length).toBe(100)
      expect(await page(12)).toMatchObject({ total: 1100, hasMore: false, entries: [] })
      expect(await page(1e15)).toMatchObject({ total: 1100, entries: [] })
      const first = await page(1, { text: 'again' })
      expect(first.hasMore).toBe(true)
      expect(first.total).toBeGreaterThanOrEqual(1000)
      const last = await page(11, { text: 'again' })
      expect(last).toMatchObject({ total: 1100, hasMore: false })
      expect(last.entries.length).toBe(100)
      expect(await page(1e15, { text: 'again' })).toMatchObject({ entries: [], hasMore: false })
    })

    it('keeps its order over many segments, also where very many rows match', async () => {
      const app = await newApp()
      const said = Array.from({ length: 990 }, (_, index): SaidForTest => {
        return { by: owner, question: `${index}`, answer: 'the same again' }
      })
      await say(app, said)
      await room.seal()
      for (const order of ['asc', 'desc'] as const) {
        const seen: string[] = []
        for (let number = 1; number <= 10; number++) {
          const page = await room.page(owner, app, { text: 'same again' }, { number, size: 100, order })
          seen.push(...page.entries.map((entry) => entry.question))
          expect(page).toMatchObject({ total: 990, hasMore: number < 10 })
        }
        const questions = said.map((one) => one.question)
        expect(seen).toEqual(order === 'asc' ? questions : questions.reverse())
      }
    })

    it('pages backwards from what there was on page 1, and from the newest again with the next page 1', async () => {
      const app = await newApp()
      const row = (question: string): SaidForTest => ({ by: owner, question, answer: '' })
      const page = async (number: number) =>
        (await room.page(owner, app, {}, { number, size: 2, order: 'desc' })).entries.map((entry) => entry.question)
      await say(app, ['a', 'b', 'c'].map(row))
      expect(await page(1)).toEqual(['c', 'b'])
      await say(app, ['d', 'e', 'f'].map(row))
      expect(await page(2)).toEqual(['a'])
      // Behind the end of what was seen is what the new rows have pushed there.
      expect(await page(3)).toEqual(['b', 'a'])
      expect(await page(1)).toEqual(['f', 'e'])
      await say(app, [row('g')])
      rooms.clock.now += 300_001
      expect(await page(2)).toEqual(['e', 'd'])
    })

    it('leaves out what is forgotten, and gives its number to nobody', async () => {
      const app = await newApp()
      const row = (question: string): SaidForTest => ({ by: owner, question, answer: 'yes' })
      const keys = await writeTurns(db.database, app, ['a', 'b', 'c'].map(row))
      await db.database.write((tx) => room.index(tx, keys))
      await db.database.write((tx) => room.forget(tx, [keys[1]!, keys[2]!]))
      await say(app, [row('d')])
      const page = await room.page(owner, app, {}, { number: 1, size: 10, order: 'asc' })
      expect(page).toMatchObject({ total: 2, hasMore: false })
      expect(page.entries.map((entry) => entry.question)).toEqual(['a', 'd'])
      const found = await room.page(owner, app, { text: 'yes' }, { number: 1, size: 10, order: 'asc' })
      expect(found).toMatchObject({ total: 2 })
      const numbers = await db.database.read
        .selectFrom('history_rows')
        .select('n')
        .where('place', '=', app.id)
        .orderBy('n')
        .execute()
      expect(numbers.map(({ n }) => n)).toEqual([1, 4])
    })

    it('takes a turn once, however often it is told of', async () => {
      const app = await newApp()
      const keys = await writeTurns(db.database, app, [{ by: owner, question: 'once', answer: '' }])
      for (const _ of [1, 2]) await db.database.write((tx) => room.index(tx, [...keys, ...keys]))
      expect(await room.page(owner, app, {}, { number: 1, size: 10, order: 'asc' })).toMatchObject({ total: 1 })
    })

    it.runIf(kind === 'postgres')('is written by several processes at once, each row once', async () => {
      const apps = [await newApp(), await newApp()]
      const again = await db.openAgain()
      const deps = { now: Date.now, log: { warn: () => undefined }, catchUp: async () => undefined, segmentRows: 16 }
      const other = history({ ...deps, database: again })
      const turns = await Promise.all(
        apps.map((app) =>
          writeTurns(db.database, app, Array<SaidForTest>(60).fill({ by: owner, question: 'x', answer: 'y' })),
        ),
      )
      // Turns of both apps in each batch, in either order, and every turn told to both.
      const batches = Array.from({ length: 20 }, (_, index) => {
        const of = (keys: number[]) => keys.slice(index * 3, index * 3 + 3)
        return index % 2 === 0 ? turns.flatMap(of) : turns.toReversed().flatMap(of)
      })
      await Promise.all(
        batches.flatMap((batch) => [
          db.database.write((tx) => room.index(tx, batch)),
          again.write((tx) => other.index(tx, batch)),
        ]),
      )
      await Promise.all([room.seal(), other.seal()])
      for (const app of apps) {
        const page = await room.page(owner, app, { text: 'x' }, { number: 1, size: 100, order: 'asc' })
        expect(page).toMatchObject({ total: 60, hasMore: false })
        expect(new Set(page.entries.map((entry) => entry.turnId)).size).toBe(60)
      }
    })

    it.runIf(kind === 'postgres')('keeps nothing of a turn that is erased while it is put in', async () => {
      const app = await newApp()
      const [id] = await writeTurns(db.database, app, [{ by: owner, question: 'regretted', answer: '' }])
      const [isIn, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const putIn = db.database.write(async (tx) => {
        await room.index(tx, [id!])
        isIn.resolve()
        await mayCommit.promise
      })
      await isIn.promise
      let isErased = false
      const scope = { until: Date.now() }
      const erasing = (await db.openAgain())
        .write((tx) => turnStore({ history: room }).erase(tx, [{ id: id!, workspaceId: app.workspace.id }], scope))
        .then(() => {
          isErased = true
        })
      await until(async () => {
        const waiting = sql<{ n: number }>`select count(*) as n from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        return isErased || (await waiting.execute(db.database.read)).rows[0]!.n > 0
      })
      mayCommit.resolve()
      await Promise.all([putIn, erasing])
      const texts = db.database.read.selectFrom('history_texts').select('text').where('turn_id', '=', id!)
      expect(await texts.execute()).toEqual([])
      expect(await room.page(owner, app, {}, { number: 1, size: 10, order: 'asc' })).toMatchObject({ total: 0 })
    })

    it('keeps workspaces apart', async () => {
      const app = await newApp()
      await say(app, [{ by: owner, question: 'secret', answer: '' }])
      const stranger = (await rooms.person('stranger')).principal
      for (const filter of [{}, { text: 'secret' }, { createdBy: owner.user.publicId }])
        expect(await room.page(stranger, app, filter, { number: 1, size: 10, order: 'asc' })).toEqual({
          total: 0,
          hasMore: false,
          entries: [],
        })
      for await (const batch of room.entries(stranger, app, {})) expect(batch).toEqual([])
    })

    it('hands out all of a selection, oldest first', async () => {
      const app = await newApp()
      const said = Array.from({ length: 230 }, (_, index): SaidForTest => {
        const even = index % 2 === 0
        return { by: even ? owner : member, question: `q${index}`, answer: even ? 'even' : 'odd' }
      })
      await say(app, said)
      for (const [viewer, filter] of [
        [owner, {}],
        [member, {}],
        [owner, { text: 'even' }],
      ] as [Principal, HistoryFilter][]) {
        const all: string[] = []
        for await (const batch of room.entries(viewer, app, filter)) all.push(...batch.map((entry) => entry.question))
        expect(all).toEqual(scan(said, viewer, filter).map((one) => one.question))
      }
    })
  })
