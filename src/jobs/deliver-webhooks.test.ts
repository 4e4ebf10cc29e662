import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import { claim, type Webhook } from '#features/webhooks/index.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'
import { isSignedBy, type Reply, verify } from '#test/support/receiver.ts'
import { until } from '#test/support/until.ts'
import { type WebhookHouse, webhookHouse } from '#test/support/webhook-house.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const pauses = [5_000, 5 * minuteMs, ...[0.5, 2, 5, 10, 14, 20, 24].map((hours) => hours * hourMs)]

for (const kind of databaseKinds)
  describe(`deliveries to webhooks on ${kind}`, () => {
    const db = useDatabase(kind)
    let house: WebhookHouse
    let owner: Principal
    beforeEach(async () => {
      house = await webhookHouse(db.database)
      owner = await house.owner()
    })
    afterEach(async () => {
      await house.close()
      expect(house.errors).toEqual([])
    })

    const of = async (webhook: Webhook) => (await house.deliveries(owner, webhook))[0]!
    const stateOf = (webhook: Webhook) =>
      db.database.read.selectFrom('webhooks').selectAll().where('id', '=', webhook.id).executeTakeFirstOrThrow()

    it('are signed as the official library wants it, and sent once', async () => {
      const { webhook, secret } = await house.hook(owner, '/a')
      await house.happen(owner.workspace.id, 1)
      const worker = house.worker()
      await worker.deliverDue()
      await worker.deliverDue()
      const [received, ...rest] = house.receiver.received
      expect(rest).toEqual([])
      expect(verify(secret, received!)).toEqual(received!.body)
      const delivery = await of(webhook)
      expect(received!.body).toEqual({
        id: delivery.publicId,
        type: 'conversation.completed',
        timestamp: new Date(house.clock.now).toISOString(),
        data: { n: 1 },
      })
      expect(received!.headers).toMatchObject({
        'webhook-id': delivery.publicId,
        'content-type': 'application/json',
        'user-agent': 'Parley-Webhooks/1',
      })
      expect(delivery).toMatchObject({ status: 'delivered', attempts: 1, responseStatus: 200, error: null })
    })

    it('are tried again, later and later, with the same id and body, and fail for good after ten attempts', async () => {
      const { webhook, secret } = await house.hook(owner, '/a', { answering: () => ({ status: 500 }) })
      await house.happen(owner.workspace.id, 1)
      const worker = house.worker()
      const waits: number[] = []
      for (let attempt = 1; attempt <= 10; attempt++) {
        await worker.deliverDue()
        const { status, attempts, dueAt } = await of(webhook)
        expect([status, attempts]).toEqual([attempt < 10 ? 'pending' : 'failed', attempt])
        if (attempt < 10) waits.push(dueAt - house.clock.now)
        house.clock.now = dueAt - 1
        await worker.deliverDue()
        expect(house.receiver.received).toHaveLength(attempt)
        house.clock.now = dueAt
      }
      expect(waits).toEqual(pauses)
      await worker.deliverDue()
      const { received } = house.receiver
      expect(received).toHaveLength(10)
      expect(new Set(received.map(({ raw }) => raw)).size).toBe(1)
      expect(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(10)
      for (const one of received) expect(isSignedBy(secret, one)).toBe(true)
      expect(await of(webhook)).toMatchObject({ status: 'failed', responseStatus: 500, error: 'It answered 500' })
      // Replayed, it is the same event, with all its attempts.
      house.receiver.answering = () => ({ status: 204 })
      await house.room.replay(owner, webhook.publicId, (await of(webhook)).publicId)
      await worker.deliverDue()
      expect(received.at(-1)!.raw).toBe(received[0]!.raw)
      expect(await of(webhook)).toMatchObject({ status: 'delivered', attempts: 1, responseStatus: 204 })
    })

    it('keep their pauses apart by a tenth', async () => {
      const { webhook } = await house.hook(owner, '/a', { answering: () => ({ status: 500 }) })
      for (const [random, wait] of [
        [0, 4_500],
        [1, 5_500],
      ] as const) {
        await house.happen(owner.workspace.id, 1)
        await house.worker({ random: () => random }).deliverDue()
        expect((await of(webhook)).dueAt - house.clock.now).toBe(wait)
      }
    })

    it.each<[Reply, number]>([
      [{ status: 429, headers: { 'retry-after': '3600' } }, hourMs],
      [{ status: 503, headers: { 'retry-after': '7' } }, 7_000],
      [{ status: 503, headers: { 'retry-after': '1' } }, 5_000],
      [{ status: 429, headers: { 'retry-after': '99999999' } }, dayMs],
      [{ status: 429, headers: { 'retry-after': 'soon' } }, 5_000],
      [{ status: 500, headers: { 'retry-after': '3600' } }, 5_000],
    ])('wait as long as %j says: %i ms', async (reply, wait) => {
      const { webhook } = await house.hook(owner, '/a', { answering: () => reply })
      await house.happen(owner.workspace.id, 1)
      await house.worker().deliverDue()
      expect((await of(webhook)).dueAt - house.clock.now).toBe(wait)
    })

    it.each<[Reply, string]>([
      ['reset', 'The connection was closed'],
      ['stall', 'No answer in time'],
      [{ status: 302, headers: { location: 'http://169.254.169.254/' } }, 'redirects are not followed'],
      [{ status: 404 }, 'It answered 404'],
    ])('that end in %j are told so', async (reply, error) => {
      const { webhook } = await house.hook(owner, '/a', { answering: () => reply })
      await house.happen(owner.workspace.id, 1)
      await house.worker({ timeoutMs: 100 }).deliverDue()
      const delivery = await of(webhook)
      expect(delivery).toMatchObject({ status: 'pending', attempts: 1, error: expect.stringContaining(error) })
      expect(house.receiver.received).toHaveLength(1)
    })

    it('end at an address that is gone, with all that was waiting for it', async () => {
      const { webhook } = await house.hook(owner, '/a', { answering: () => ({ status: 500 }) })
      await house.happen(owner.workspace.id, 1)
      const worker = house.worker()
      await worker.deliverDue()
      house.receiver.answering = () => ({ status: 410 })
      await house.happen(owner.workspace.id, 2)
      await worker.deliverDue()
      expect(await house.room.get(owner, webhook.publicId)).toMatchObject({ enabled: false, disabledReason: 'gone' })
      const all = await house.deliveries(owner, webhook)
      expect(all.map(({ status, error }) => [status, error])).toEqual([
        ['failed', 'It answered 410'],
        ['failed', 'The webhook was disabled'],
      ])
      // Nothing more is queued, and nothing is sent, until somebody enables it.
      expect(await house.happen(owner.workspace.id, 3)).toBe(0)
      house.clock.now += dayMs
      await worker.deliverDue()
      expect(house.receiver.received).toHaveLength(2)
      await house.room.update(owner, webhook.publicId, { enabled: true })
      expect(await house.happen(owner.workspace.id, 4)).toBe(1)
    })

    it('give a webhook up when five in a row have failed for good and nothing came through for three days', async () => {
      const { webhook } = await house.hook(owner, '/a', { answering: () => ({ status: 500 }) })
      const worker = house.worker()
      const failOne = async () => {
        await house.happen(owner.workspace.id, 1)
        while ((await of(webhook)).status === 'pending') {
          await worker.deliverDue()
          house.clock.now = Math.max(house.clock.now, (await of(webhook)).dueAt)
        }
      }
      for (let count = 1; count <= 4; count++) await failOne()
      expect(await stateOf(webhook)).toMatchObject({ enabled: 1, failures: 4 })
      house.receiver.answering = () => ({})
      await house.happen(owner.workspace.id, 2)
      await worker.deliverDue()
      expect(await stateOf(webhook)).toMatchObject({ enabled: 1, failures: 0, failing_since: null })
      house.receiver.answering = () => ({ status: 500 })
      for (let count = 1; count <= 5; count++) {
        expect(await stateOf(webhook)).toMatchObject({ enabled: 1, failures: count - 1 })
        await failOne()
      }
      expect(await stateOf(webhook)).toMatchObject({ enabled: 0, disabled_reason: 'failing' })
    })

    it('of one that does not answer hold up no other, and are given back when the process stops', async () => {
      const { webhook: stalled } = await house.hook(owner, '/stalled', {
        answering: ({ path }) => (path === '/stalled' ? 'stall' : {}),
      })
      for (let n = 0; n < 20; n++) await house.happen(owner.workspace.id, n)
      await house.hook(owner, '/quick')
      for (let n = 20; n < 30; n++) await house.happen(owner.workspace.id, n)
      const worker = house.worker({ closeMs: 0 })
      void worker.deliverDue()
      await until(() => house.receiver.at('/quick').length === 10)
      expect(house.receiver.at('/stalled')).toHaveLength(2)
      await worker.close()
      for (const delivery of await house.deliveries(owner, stalled))
        expect(delivery).toMatchObject({ status: 'pending', attempts: 0, dueAt: house.clock.now })
      house.receiver.answering = () => ({})
      await house.worker().deliverDue()
      for (const delivery of await house.deliveries(owner, stalled)) expect(delivery.status).toBe('delivered')
    })

    it('are sent by one of several processes', async () => {
      const { webhook } = await house.hook(owner, '/a')
      for (let n = 0; n < 40; n++) await house.happen(owner.workspace.id, n)
      const again = kind === 'postgres' ? await db.openAgain() : db.database
      const workers = [house.worker(), house.worker({ database: again }), house.worker({ database: again })]
      while ((await house.deliveries(owner, webhook)).some(({ status }) => status === 'pending'))
        await Promise.all(workers.map((worker) => worker.deliverDue()))
      expect(house.receiver.received.map(({ body }) => body.data.n).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 40 }, (_, n) => n),
      )
      for (const worker of workers) await worker.close()
      if (kind === 'postgres') await again.close()
    })

    it('that a dead process took are sent when its lease has lapsed, and what it writes late changes nothing', async () => {
      const { webhook } = await house.hook(owner, '/a')
      await house.happen(owner.workspace.id, 1)
      const { database } = db
      const now = house.clock.now
      const wanted = { webhookId: webhook.id, most: 2, now, leaseUntil: now + minuteMs }
      expect(await database.write((tx) => claim(tx, database.dialect, wanted))).toHaveLength(1)
      house.clock.now += minuteMs - 1
      await house.worker().deliverDue()
      expect(house.receiver.received).toEqual([])
      house.clock.now += 1
      // Another one is slow: it is still at it when its own lease has lapsed.
      house.receiver.answering = (_, nth) => (nth === 1 ? 'stall' : {})
      const slow = house.worker({ timeoutMs: 60_000, closeMs: 0 })
      void slow.deliverDue()
      await until(() => house.receiver.stalled === 1)
      house.clock.now += minuteMs
      await house.worker().deliverDue()
      expect(house.receiver.received).toHaveLength(2)
      const done = await of(webhook)
      expect(done).toMatchObject({ status: 'delivered', attempts: 1 })
      await slow.close()
      expect(await of(webhook)).toEqual(done)
    })

    it('go on with the secret before for a day, and no longer', async () => {
      const { webhook, secret: first } = await house.hook(owner, '/a')
      const { secret: second } = await house.room.rotate(owner, webhook.publicId)
      const worker = house.worker()
      const sent = async () => {
        await house.happen(owner.workspace.id, 1)
        await worker.deliverDue()
        return house.receiver.received.at(-1)!
      }
      const during = await sent()
      expect([first, second].map((secret) => isSignedBy(secret, during))).toEqual([true, true])
      expect(() => [verify(first, during), verify(second, during)]).not.toThrow()
      house.clock.now += dayMs
      const after = await sent()
      expect([first, second].map((secret) => isSignedBy(secret, after))).toEqual([false, true])
    })

    it('are forgotten: delivered ones after thirty days, failed ones after ninety', async () => {
      const { webhook } = await house.hook(owner, '/a', {
        answering: ({ body }) => ({ status: body.data.n === 1 ? 200 : 410 }),
      })
      await house.happen(owner.workspace.id, 1)
      await house.worker().deliverDue()
      await house.happen(owner.workspace.id, 2)
      await house.worker().deliverDue()
      const left = async () => {
        await house.room.prune()
        return (await house.deliveries(owner, webhook)).map(({ status }) => status)
      }
      expect(await left()).toEqual(['failed', 'delivered'])
      house.clock.now += 30 * dayMs + 1
      expect(await left()).toEqual(['failed'])
      house.clock.now += 60 * dayMs
      expect(await left()).toEqual([])
    })

    it(
      'come to an end, delivered or failed for all to see, and never in another workspace, whatever is answered',
      () =>
        fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(replies, { maxLength: 11 }), { minLength: 1, maxLength: 8 }),
            async (scripts) => {
              const other = await house.owner()
              const accepted = new Set<string>()
              house.receiver.answering = (received, nth) => {
                const reply = scripts[received.body.data.n]![nth - 1] ?? {}
                if (typeof reply === 'object' && (reply.status ?? 200) < 300) accepted.add(received.body.id)
                return reply
              }
              const before = house.receiver.received.length
              const hooks = [await house.hook(owner, '/own'), await house.hook(other, '/other')]
              const worker = house.worker({ timeoutMs: 60 })
              let expected = 0
              for (const n of scripts.keys()) {
                expected += await house.happen(owner.workspace.id, n)
                await worker.deliverDue()
              }
              const all = () => house.deliveries(owner, hooks[0]!.webhook)
              for (let rows = await all(); rows.some(({ status }) => status === 'pending'); rows = await all()) {
                const due = rows.filter(({ status }) => status === 'pending').map(({ dueAt }) => dueAt)
                house.clock.now = Math.max(house.clock.now, Math.min(...due))
                await worker.deliverDue()
              }
              const ended = await all()
              expect(ended).toHaveLength(expected)
              // One that was accepted too late for us may have failed here; none that was not has been delivered.
              for (const { publicId, status } of ended)
                expect(accepted.has(publicId) ? ['delivered', 'failed'] : ['failed']).toContain(status)
              const paths = new Set(house.receiver.received.slice(before).map(({ path }) => path))
              expect(paths).toEqual(new Set(['/own']))
              expect(await house.deliveries(other, hooks[1]!.webhook)).toEqual([])
              for (const [index, who] of [owner, other].entries())
                await house.room.remove(who, hooks[index]!.webhook.publicId)
              await worker.close()
            },
          ),
          { numRuns: kind === 'postgres' ? 6 : 15 },
        ),
      120_000,
    )
  })

const replies: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Reply>({ status: 200 }) },
  { weight: 6, arbitrary: fc.constantFrom<Reply>({ status: 500 }, { status: 404 }, 'reset') },
  { weight: 1, arbitrary: fc.constant<Reply>('stall') },
  { weight: 1, arbitrary: fc.constant<Reply>({ status: 410 }) },
  { weight: 2, arbitrary: fc.constant<Reply>({ status: 429, headers: { 'retry-after': '30' } }) },
)
