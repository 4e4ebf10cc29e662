import { beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import type { App } from '#features/apps/index.ts'
import type { Transcripts } from '#features/transcripts/index.ts'
import { uuidv7 } from '#lib/uuid.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { refused } from '#test/support/refusal.ts'
import { accountRooms } from '#test/support/rooms.ts'
import { history } from './index.ts'
import { writeTurns } from './rows-for-test.ts'
import { transcriptFiles } from './transcript-files.ts'

for (const kind of databaseKinds)
  describe(`files of histories on ${kind}`, () => {
    const db = useDatabase(kind)
    let owner: Principal
    let member: Principal
    let app: App
    let rooms: ReturnType<typeof accountRooms>
    beforeAll(async () => {
      rooms = accountRooms(db.database)
      owner = (await rooms.person('owner')).principal
      member = { ...owner, user: (await rooms.person('member')).principal.user, role: 'member' }
      app = await rooms.apps.create(owner, { name: 'Bot' })
      const room = historyRoom()
      const keys = await writeTurns(db.database, app, [
        { by: owner, question: 'Hello', answer: 'World' },
        { by: member, question: 'And', answer: 'me' },
      ])
      await db.database.write((tx) => room.index(tx, keys))
    })

    function historyRoom() {
      return history({
        database: db.database,
        now: () => rooms.clock.now,
        log: { warn: (fields) => expect(fields).toBeUndefined() },
        catchUp: async () => undefined,
        segmentRows: 16,
      })
    }

    /** Makes a file; `meanwhile` happens when all of the history has been read and nothing is written yet. */
    async function make(meanwhile: () => Promise<unknown>): Promise<{ kept: string[]; url: Promise<unknown> }> {
      const kept = new Set<string>()
      const files = transcriptFiles({
        database: db.database,
        now: () => rooms.clock.now,
        log: { warn: (fields) => expect(fields).toBeUndefined() },
        history: historyRoom(),
        blobs: {
          async put(key, source) {
            for await (const _ of source as AsyncIterable<Uint8Array>);
            kept.add(key)
            return { size: 1, sha256: '' }
          },
          signedUrl: async (key) => `https://files.test/${key}`,
          list: async () => ({ items: [] }),
          remove: async (key) => void kept.delete(key),
        },
        transcripts: {
          async *renderTranscript(_, turns) {
            for await (const _ of turns as AsyncIterable<unknown>);
            await meanwhile()
            yield new Uint8Array(1)
          },
        } as Pick<Transcripts, 'renderTranscript'> as Transcripts,
      })
      const url = files.store(owner, app, {}, { baseUrl: '', signal: new AbortController().signal })
      await url.catch(() => undefined)
      return { kept: [...kept], url }
    }

    const erase = (who: Principal, workspaceId: number | null, status: 'running' | 'completed') =>
      db.database.write((tx) =>
        tx.db
          .insertInto('erasures')
          .values({
            public_id: uuidv7(),
            user_id: who.user.id,
            workspace_id: workspaceId,
            requested_by: who.user.id,
            anonymised: 0,
            status,
            store: null,
            after: 0,
            removed: '{}',
            kept: '{}',
            seen_turn: 0,
            created_at: rooms.clock.now,
            ended_at: status === 'completed' ? rooms.clock.now : null,
          })
          .execute(),
      )
    const finish = () =>
      db.database.write((tx) =>
        tx.db.updateTable('erasures').set({ status: 'completed', ended_at: rooms.clock.now }).execute(),
      )

    it('are given when nothing came between, also after earlier erasures and those of others', async () => {
      await erase(member, null, 'completed')
      const stranger = (await rooms.person('stranger')).principal
      const { kept, url } = await make(() => erase(stranger, null, 'running'))
      expect(await url).toBe(`https://files.test/${kept[0]}`)
    })

    it.each([
      ['everywhere', null],
      ['in the workspace', 'here'],
    ])('do not outlive an erasure %s that came while they were made', async (_, where) => {
      const workspaceId = where === null ? null : app.workspace.id
      const { kept, url } = await make(() => erase(member, workspaceId, 'completed'))
      await refused('overloaded', () => url)
      expect(kept).toEqual([])
    })

    it('do not outlive one that had begun before and was over first', async () => {
      await erase(member, null, 'running')
      const { kept, url } = await make(finish)
      await refused('overloaded', () => url)
      expect(kept).toEqual([])
      const again = await make(async () => undefined)
      expect(await again.url).toBe(`https://files.test/${again.kept[0]}`)
    })
  })
