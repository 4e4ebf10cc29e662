import { randomBytes } from 'node:crypto'
import type { Principal } from '#contracts/index.ts'
import { addDeliveries, type Happening, type Webhook, webhooks } from '#features/webhooks/index.ts'
import { webhookDeliveries } from '#jobs/index.ts'
import { outbound, readOutboundAllow } from '#lib/outbound/index.ts'
import type { Database } from '#store/index.ts'
import { type Answering, type Receiver, startReceiver } from './receiver.ts'
import { accountRooms } from './rooms.ts'

/** Webhooks over a real database, a receiver on this machine, and workers with a clock that tests move by hand. */
export async function webhookHouse(database: Database) {
  const rooms = accountRooms(database)
  const { clock } = rooms
  const receiver: Receiver = await startReceiver()
  const out = outbound({ allow: readOutboundAllow('127.0.0.1')! })
  const errors: object[] = []
  const sending = { outbound: out, secretKey: randomBytes(32), now: () => clock.now, timeoutMs: 10_000 }
  const room = webhooks({ ...sending, database, users: rooms.users })
  const workers: ReturnType<typeof webhookDeliveries>[] = []
  let sources = 0

  return {
    rooms,
    clock,
    receiver,
    room,
    /** What was logged as going wrong. */
    errors,
    /** What sends; it does so when it is told to. */
    worker(options: { database?: Database; timeoutMs?: number; closeMs?: number; random?: () => number } = {}) {
      const made = webhookDeliveries({
        ...sending,
        database,
        random: () => 0.5,
        log: { error: (fields) => void errors.push(fields) },
        lookEveryMs: 3_600_000,
        closeMs: 5_000,
        ...options,
      })
      workers.push(made)
      return made
    },
    async owner(): Promise<Principal> {
      return (await rooms.person('owner')).principal
    },
    async hook(owner: Principal, path: string, more: { answering?: Answering; events?: string[] } = {}) {
      if (more.answering) receiver.answering = more.answering
      const events = more.events ?? ['conversation.completed']
      return room.create(owner, { url: receiver.url + path, events })
    },
    /** Something happens in a workspace, for its webhooks to be told. */
    happen(workspaceId: number, n: number, more: Partial<Happening> = {}): Promise<number> {
      const source = `test/${++sources}`
      const happening = { event: 'conversation.completed', source, at: clock.now, workspaceId, data: { n } } as const
      return database.write((tx) => addDeliveries(tx, [{ ...happening, ...more }], clock.now))
    },
    async deliveries(owner: Principal, webhook: Pick<Webhook, 'publicId'>) {
      return (await room.deliveries(owner, webhook.publicId, { limit: 100 })).deliveries
    },
    async close() {
      for (const worker of workers) await worker.close()
      await receiver.close()
      await out.close()
    },
  }
}

export type WebhookHouse = Awaited<ReturnType<typeof webhookHouse>>
