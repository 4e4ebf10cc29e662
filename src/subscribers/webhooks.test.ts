import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MemberChanged, Principal, WebhookRelay } from '#contracts/index.ts'
import { notifications } from '#features/notifications/index.ts'
import { jobQueue } from '#jobs/index.ts'
import type { OutboxEvent } from '#store/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { says, scriptedModel } from '#test/support/scripted-model.ts'
import { asks, type TurnHouse, turnHouse } from '#test/support/turn-house.ts'
import { subscriberJobs, subscribersOf } from './index.ts'

for (const kind of databaseKinds)
  describe(`what webhooks are told on ${kind}`, () => {
    let house: TurnHouse
    let queue: ReturnType<typeof jobQueue>
    let rung = 0
    const errors: object[] = []
    /** Every event that was told, by the subscribers that hear of it. */
    const told: OutboxEvent[] = []
    beforeAll(async () => {
      const subscribers = (event: OutboxEvent) => {
        told.push(event)
        return subscribersOf(event)
      }
      house = await turnHouse(kind, { subscribersOf: subscribers })
      queue = jobQueue({
        database: house.database,
        handlers: subscriberJobs({
          notifications: notifications({ database: house.database, now: Date.now, log: { warn: () => undefined } }),
          history: { index: async () => undefined, ready: () => undefined },
          webhooks: {
            ring: () => {
              rung++
            },
          },
          now: Date.now,
          announce: () => undefined,
        }),
        now: () => Number.MAX_SAFE_INTEGER,
        random: Math.random,
        log: { error: (fields) => void errors.push(fields) },
        lookEveryMs: 60_000,
        gatherMs: 0,
      })
    })
    afterAll(async () => {
      await queue.close()
      await house.close()
      expect(errors).toEqual([])
    })

    /** A row as features/webhooks writes it, for what is not about how it is made. */
    async function hook(owner: Principal, events: string[], more: { createdAt?: number; serverWide?: boolean } = {}) {
      const { id } = await house.database.write((tx) =>
        tx.db
          .insertInto('webhooks')
          .values({
            public_id: `wh_${crypto.randomUUID()}`,
            workspace_id: owner.workspace.id,
            url: 'https://example.test/',
            events: JSON.stringify(events),
            server_wide: more.serverWide ? 1 : 0,
            description: '',
            secret: 'sealed',
            old_secret: null,
            old_secret_until: null,
            enabled: 1,
            disabled_reason: null,
            failures: 0,
            failing_since: null,
            created_by: owner.user.id,
            created_at: more.createdAt ?? 0,
            updated_at: 0,
          })
          .returning('id')
          .executeTakeFirstOrThrow(),
      )
      return id
    }
    const queuedFor = async (webhook: number) => {
      const rows = await house.database.read
        .selectFrom('webhook_deliveries')
        .select(['event', 'payload', 'source'])
        .where('webhook_id', '=', webhook)
        .orderBy('id')
        .execute()
      return rows.map(({ event, payload, source }) => ({ event, source, data: JSON.parse(payload).data }))
    }
    /** What is passed on is a job of its own. */
    const runAll = async () => {
      await queue.runDue()
      await queue.runDue()
    }
    const person = async () => (await house.rooms.person()).principal
    /** A turn of a conversation, to its end. */
    async function converse(who: Principal, externalId: string) {
      house.model = scriptedModel({ scripts: [says('yes')] })
      const turn = await house.turns.start(asks(who, { conversationId: externalId, newConversation: true }))
      await turn.result()
      return turn
    }

    /** Somebody became a member of a workspace, just now. */
    const joined = ({ workspace, user }: Principal): MemberChanged => ({
      type: 'member-changed',
      change: 'added',
      workspace,
      member: user,
      role: 'member',
      actor: user,
      at: Date.now(),
    })

    it('costs who has no webhook no event and no row', async () => {
      const [quiet, loud] = [await person(), await person()]
      const webhook = await hook(loud, ['conversation.completed'])
      told.length = 0
      await converse(quiet, 'a')
      await runAll()
      expect(told.map(({ type }) => type).sort()).toEqual(['chat-settled', 'turn-settled'])
      await converse(loud, 'a')
      await runAll()
      const forWebhooks = told.map(({ type }) => type).filter((type) => subscribersOf({ type }).includes('webhooks'))
      expect(forWebhooks.sort()).toEqual(['conversation-created', 'webhook-relay'])
      expect((await queuedFor(webhook)).map(({ event }) => event)).toEqual(['conversation.completed'])
    })

    it('is queued once however often it is told, and rung for', async () => {
      const owner = await person()
      const webhook = await hook(owner, ['member.added'])
      const before = rung
      const event = joined(owner)
      for (let count = 0; count < 3; count++) {
        await house.database.write((tx) => tx.tell({ type: 'webhook-relay', event } satisfies WebhookRelay))
        await runAll()
      }
      expect(await queuedFor(webhook)).toHaveLength(1)
      expect(rung).toBeGreaterThan(before)
    })

    it('is not that another one was given up, and that holds up nothing', async () => {
      const owner = await person()
      const webhook = await hook(owner, ['member.added'])
      const added = joined(owner)
      const givenUp = {
        type: 'webhook-disabled',
        workspaceId: owner.workspace.id,
        webhookId: 'wh_0',
        reason: 'gone',
        at: 1,
      }
      await house.database.write((tx) => [givenUp, added].map(tx.tell))
      await runAll()
      // As a version before this one passed it on.
      await house.database.write((tx) =>
        [givenUp, { ...added, at: 1 }].map((event) => tx.tell({ type: 'webhook-relay', event })),
      )
      await runAll()
      expect(await queuedFor(webhook)).toHaveLength(2)
      expect(await house.database.read.selectFrom('jobs').select('kind').execute()).toEqual([])
    })

    it('leaves out what happened before the webhook was there, and what it does not want', async () => {
      const owner = await person()
      const late = await hook(owner, ['conversation.completed'], { createdAt: Date.now() + 60_000 })
      const other = await hook(owner, ['member.removed'])
      await converse(owner, 'b')
      await runAll()
      expect(await queuedFor(late)).toEqual([])
      expect(await queuedFor(other)).toEqual([])
    })

    it('are the ends of workflows that completed or failed', async () => {
      const owner = await person()
      const app = await house.rooms.apps.create(owner, { name: 'Flow', type: 'workflow' })
      const webhook = await hook(owner, ['workflow.completed', 'workflow.failed'])
      const turn = await converse(owner, 'c')
      const settled = (status: 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'paused') => ({
        type: 'workflow-settled',
        workspaceId: owner.workspace.id,
        userId: owner.user.id,
        appId: app.id,
        turnId: turn.id,
        status,
      })
      await house.database.write((tx) => {
        for (const status of ['cancelled', 'paused', 'interrupted'] as const) tx.tell(settled(status))
      })
      await runAll()
      expect(await queuedFor(webhook)).toEqual([
        {
          event: 'workflow.failed',
          source: `workflow/${turn.id}`,
          data: {
            turn_id: turn.id,
            application_id: app.publicId,
            user_id: owner.user.publicId,
            status: 'interrupted',
          },
        },
      ])
    })

    it('of the server goes to nobody who does not administer it, whatever his row says', async () => {
      const [chief, other] = [await person(), await person()]
      await house.database.write((tx) =>
        tx.db.updateTable('users').set({ is_admin: 1 }).where('id', '=', chief.user.id).execute(),
      )
      const wanted = await hook(chief, ['user.registered'], { serverWide: true })
      const unwanted = await hook(other, ['user.registered'], { serverWide: true })
      const { principal, email } = await house.rooms.person('newcomer')
      await runAll()
      expect(await queuedFor(wanted)).toMatchObject([
        { data: { user_id: principal.user.publicId, username: 'newcomer', email } },
      ])
      expect(await queuedFor(unwanted)).toEqual([])
    })
  })
