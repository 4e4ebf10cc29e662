import { afterEach, describe, expect, it } from 'vitest'
import { openChat } from '#test/support/chat-client.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { askBot } from '#test/support/kadal-client.ts'
import { query } from '#test/support/ledger.ts'
import { registered } from '#test/support/people.ts'
import { makeBot, newWord, settled, waysToSay } from '#test/support/said-everywhere.ts'
import { useStory } from '#test/support/story.ts'
import { placesOf } from '#test/support/text-columns.ts'
import { until } from '#test/support/until.ts'

const hourMs = 3_600_000

for (const kind of databaseKinds)
  describe(`a clock that is set back on ${kind}`, () => {
    let aheadMs = 0
    const story = useStory(kind, { overrides: { now: () => Date.now() + aheadMs } })
    afterEach(() => {
      aheadMs = 0
    })

    it('does not keep a running turn from being saved, and no duration is negative', async () => {
      const app = await story.app()
      const client = await openChat(story.parley, `clock-${kind}`)
      const reply = story.upstream.hold()
      const stream = story.post(
        `/api/v1/chat/${app.id}/chat/completions`,
        { stream: true, messages: [{ role: 'user', content: 'Hello' }] },
        { 'x-parley-events': 'all' },
      )
      await reply.request
      reply.send('before ')
      const shown = await stream
      await shown.until(({ data }) => data.includes('before '))
      const other = story.upstream.hold()
      client.send({ type: 'chat', content: 'Hello', application_id: app.id })
      await other.request
      aheadMs = -hourMs
      reply.send('after ')
      await until(async () =>
        (await query(story.parley.home, 'select events from turn_checkpoints')).some(({ events }) =>
          String(events).includes('after '),
        ),
      )
      reply.finish()
      const ended = (await shown.all()).find(({ event }) => event === 'llm_call_end')!
      expect(JSON.parse(ended.data).latency_ms).toBeGreaterThanOrEqual(0)
      other.send('one')
      other.finish()
      const end = await client.until(({ type }) => type === 'response_end')
      expect(end.response_time).toBeGreaterThanOrEqual(0)
      client.close()
    })

    it('saves nothing that was said from an erasure', async () => {
      const ada = await registered(story, 'ada')
      const app = await makeBot(story, ada)
      const word = newWord()
      aheadMs = hourMs / 3
      for (const say of Object.values(waysToSay)) await say(story, ada, word, { app, workspace: ada.workspace })
      await settled(story)
      const places = () => placesOf(story.parley.parley.database, word)
      expect(await places()).not.toEqual([])
      aheadMs = 0
      const password = { current_password: 'ada has a password' }
      const erased = await story.api('DELETE', '/api/v1/users/me/data', password, ada.headers)
      expect(erased.body.data).toMatchObject({ status: 'completed', kept: {} })
      expect(await places()).toEqual([])
    })

    it('saves no file from an erasure', async () => {
      const bob = await registered(story, 'bob')
      const app = await makeBot(story, bob)
      await askBot(story, app, 'Hello', { headers: bob.headers })
      await settled(story)
      const url = `/aiwb/chat/api/v7/download/?chat_bot_id=${app}`
      const { body } = await story.api('POST', url, {}, bob.headers)
      expect((await fetch(body.file_url)).status).toBe(200)
      aheadMs = -hourMs
      const password = { current_password: 'bob has a password' }
      const erased = await story.api('DELETE', '/api/v1/users/me/data', password, bob.headers)
      expect(erased.body.data).toMatchObject({ status: 'completed', removed: { files: 1 } })
      expect((await fetch(body.file_url)).status).toBe(404)
    })
  })
