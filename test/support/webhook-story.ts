/** A server with webhooks that may go to this machine, and a receiver for them. */
import { afterAll, beforeAll, expect } from 'vitest'
import type { DatabaseKind } from './databases.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { useStory } from './story.ts'

export function useWebhookStory(kind: DatabaseKind) {
  /** What names of hosts lead to, one after the other. */
  const names: Record<string, string[]> = {}
  const story = useStory(kind, {
    env: { PARLEY_OUTBOUND_ALLOW: '127.0.0.1' },
    overrides: {
      lookup: async (name) => {
        const answers = names[name] ?? []
        const address = answers.length > 1 ? answers.shift()! : answers[0]
        if (address === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
        return [{ address, family: 4 }]
      },
    },
  })
  let receiver: Receiver
  let paths = 0
  beforeAll(async () => {
    receiver = await startReceiver()
  })
  afterAll(() => receiver?.close())

  /** A webhook of somebody's, with a path of its own at the receiver. */
  async function hook(who: { headers: Record<string, string> }, events: string[], more: object = {}) {
    const path = `/hook-${++paths}`
    const made = await story.api('POST', '/v1/webhooks', { url: receiver.url + path, events, ...more }, who.headers)
    expect(made, JSON.stringify(made.body)).toMatchObject({ status: 200 })
    return {
      path,
      at: `/v1/webhooks/${made.body.id}`,
      id: made.body.id as string,
      secret: made.body.secret as string,
    }
  }
  const ask = (who: { headers: Record<string, string> }, session: string, content = 'Hello') =>
    story.api(
      'POST',
      '/v1/chat/completions',
      { model: 'gpt-sim', messages: [{ role: 'user', content }] },
      { ...who.headers, 'x-session-id': session },
    )
  const deliveriesOf = async (at: string, who: { headers: Record<string, string> }, query = '') =>
    (await story.api('GET', `${at}/deliveries${query}`, undefined, who.headers)).body
  const errorOf = ({
    status,
    body,
  }: {
    status: number
    body: { error: { param: string | null; message: string } }
  }) => ({
    status,
    param: body.error.param,
  })

  return {
    story,
    names,
    hook,
    ask,
    deliveriesOf,
    errorOf,
    /** There from the first story on. */
    get receiver() {
      return receiver
    },
  }
}
