import { afterEach, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type Home, makeHome, type RunningParley, spawnParley, startParley } from '#test/support/parley.ts'
import { startReceiver, verify } from '#test/support/receiver.ts'
import { until } from '#test/support/until.ts'

const env = { PARLEY_OUTBOUND_ALLOW: '127.0.0.1' }

for (const kind of databaseKinds)
  describe(`webhooks and processes that end on ${kind}`, () => {
    const cleanUps: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    })

    async function home(): Promise<Home> {
      const made = await makeHome(kind)
      cleanUps.push(made.remove)
      return made
    }
    async function receiver(...args: Parameters<typeof startReceiver>) {
      const made = await startReceiver(...args)
      cleanUps.push(made.close)
      return made
    }
    async function started(at: Home, now?: () => number) {
      const parley = await startParley({ home: at, env, overrides: now ? { now } : {} })
      cleanUps.push(() => parley.close())
      return parley
    }
    const ask = async (at: RunningParley, method: string, path: string, body?: object) => {
      const response = await fetch(at.url + path, {
        method,
        headers: at.headers,
        ...(body && { body: JSON.stringify(body) }),
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
      // biome-ignore lint/suspicious/noExplicitAny: any JSON
      return (await response.json()) as any
    }
    const hookTo = (at: RunningParley, url: string) =>
      ask(at, 'POST', '/v1/webhooks', { url, events: ['conversation.created'] })

    it('send again what was being sent when the process was killed', async () => {
      const to = await receiver((_, nth) => (nth === 1 ? 'stall' : {}))
      const at = await home()
      const first = await spawnParley({ home: at, env })
      cleanUps.push(() => first.stop('SIGKILL'))
      const { id, secret } = await hookTo(first, `${to.url}/x`)
      const { id: conversation } = await ask(first, 'POST', '/v1/conversations', {})
      await until(() => to.stalled === 1)
      await first.stop('SIGKILL')

      // A minute later its lease has lapsed.
      const second = await started(at, () => Date.now() + 61_000)
      const delivered = await until(async () => {
        const { data } = await ask(second, 'GET', `/v1/webhooks/${id}/deliveries`)
        return data[0].status === 'delivered' && data
      })
      expect(delivered).toMatchObject([{ event: 'conversation.created', attempts: 1 }])
      const [once, twice, ...rest] = to.received
      expect(rest).toEqual([])
      expect(verify(secret, once!)).toMatchObject({ data: { conversation_id: conversation } })
      expect(twice!.raw).toBe(once!.raw)
    })

    it('give back on SIGTERM what is not answered, and the next process sends it at once', async () => {
      const to = await receiver((_, nth) => (nth === 1 ? 'stall' : {}))
      const at = await home()
      const first = await spawnParley({ home: at, env })
      cleanUps.push(() => first.stop('SIGKILL'))
      const { id } = await hookTo(first, `${to.url}/x`)
      await ask(first, 'POST', '/v1/conversations', {})
      await until(() => to.stalled === 1)
      expect(await first.stop('SIGTERM')).toBe(0)
      const second = await started(at)
      await until(
        async () => (await ask(second, 'GET', `/v1/webhooks/${id}/deliveries`)).data[0].status === 'delivered',
      )
      expect(to.received).toHaveLength(2)
    })

    if (kind === 'postgres')
      it('send each event once from two processes on one database', async () => {
        const to = await receiver()
        const at = await home()
        const both = [await started(at), await started(at)] as const
        const { id } = await hookTo(both[0], `${to.url}/x`)
        const made = await Promise.all(
          Array.from({ length: 40 }, (_, n) => ask(both[n % 2]!, 'POST', '/v1/conversations', {})),
        )
        await until(async () => {
          const { data } = await ask(both[1], 'GET', `/v1/webhooks/${id}/deliveries?status=delivered&limit=100`)
          return data.length === 40
        })
        const told = to.received.map(({ body }) => body.data.conversation_id as string)
        expect(told.sort()).toEqual(made.map((one) => one.id as string).sort())
      })
  })
