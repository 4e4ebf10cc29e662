import {
  type AttemptDeps,
  attempt,
  type Claimed,
  claim,
  findDue,
  giveBack,
  problemOf,
  recordOutcome,
  recordProblem,
} from '#features/webhooks/index.ts'
import type { Database } from '#store/index.ts'

export interface DeliveryOptions extends AttemptDeps {
  database: Database
  random(): number
  log: { error(fields: object, message: string): void }
  /** How often to look for what nobody woke us for: retries, what others left. */
  lookEveryMs: number
  /** How long what is under way may take to end when it closes. */
  closeMs: number
}

/** Requests under way in this process, in all and to one webhook: who does not answer must not hold up the others. */
const most = { inAll: 16, toOne: 2 }
/** For so long a delivery is this process's. Longer than an attempt may take. */
const leaseMs = 60_000

/**
 * Sends what is to be sent to webhooks, with no transaction open while it waits for an answer. What it takes it takes
 * for a while: a process that dies leaves it to whoever looks after that.
 */
export function webhookDeliveries(options: DeliveryOptions) {
  const { database, now } = options
  const stopping = new AbortController()
  /** By webhook. */
  const underWay = new Map<number, number>()
  const attempts = new Set<Promise<void>>()
  let pass: Promise<void> | undefined
  let again = false
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  /** Starts whatever is due and fits. Calls while that goes on are served by one more look after it. */
  function start(): Promise<void> {
    again = true
    pass ??= looks().finally(() => {
      pass = undefined
    })
    return pass
  }

  async function looks(): Promise<void> {
    while (again && !isClosed) {
      again = false
      for (let taken = await take(); taken.length > 0; taken = await take()) for (const one of taken) launch(one)
    }
  }

  /** As many deliveries as there is room for, of as many webhooks as possible. */
  async function take(): Promise<Claimed[]> {
    if (isClosed || attempts.size >= most.inAll) return []
    const full = [...underWay].filter(([, count]) => count >= most.toOne).map(([id]) => id)
    const due = await findDue(database, now(), { except: full, limit: most.inAll - attempts.size })
    if (due.length === 0) return []
    return database.write(async (tx) => {
      const time = now()
      const claimed: Claimed[] = []
      const room = most.inAll - attempts.size
      for (const webhookId of due) {
        const fits = Math.min(room - claimed.length, most.toOne - (underWay.get(webhookId) ?? 0))
        if (fits <= 0) continue
        const wanted = { webhookId, most: fits, now: time, leaseUntil: time + leaseMs }
        claimed.push(...(await claim(tx, database.dialect, wanted)))
      }
      return claimed
    })
  }

  function launch(claimed: Claimed): void {
    const { id } = claimed.webhook
    underWay.set(id, (underWay.get(id) ?? 0) + 1)
    const attempted: Promise<void> = deliver(claimed)
      .catch((err) => {
        // It is sent again when its lease has lapsed.
        options.log.error({ err, delivery: claimed.publicId }, 'what became of a delivery could not be written')
      })
      .finally(() => {
        attempts.delete(attempted)
        const left = underWay.get(id)! - 1
        if (left > 0) underWay.set(id, left)
        else underWay.delete(id)
        wake()
      })
    attempts.add(attempted)
  }

  async function deliver(claimed: Claimed): Promise<void> {
    const problem = problemOf(claimed)
    if (problem !== undefined) return database.write((tx) => recordProblem(tx, claimed, problem, now()))
    const message = { id: claimed.publicId, body: claimed.payload }
    const outcome = await attempt(options, claimed.webhook, message, stopping.signal)
    await database.write((tx) =>
      outcome.isGivenUp
        ? giveBack(tx, claimed, now())
        : recordOutcome(tx, claimed, outcome, { now: now(), random: options.random() }),
    )
  }

  function wake(): void {
    if (isClosed) return
    start().catch((err) => {
      options.log.error({ err }, 'what is to be sent to webhooks could not be looked for; it will be tried again')
    })
  }

  return {
    wake,
    open(): void {
      timer = setInterval(wake, options.lookEveryMs)
      timer.unref()
      wake()
    },
    /** Sends what is due; resolves when nothing is due or under way any more. */
    async deliverDue(): Promise<void> {
      do {
        await start()
        await Promise.all(attempts)
      } while (attempts.size > 0 || pass !== undefined)
    },
    /** Lets what is under way end, and gives back what does not in time. */
    async close(): Promise<void> {
      isClosed = true
      clearInterval(timer)
      await pass?.catch(() => undefined)
      const late = setTimeout(() => stopping.abort(), options.closeMs)
      await Promise.all(attempts)
      clearTimeout(late)
    },
  }
}

export type WebhookDeliveries = ReturnType<typeof webhookDeliveries>
