import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { verify } from '#test/support/receiver.ts'
import { until } from '#test/support/until.ts'
import { useWebhookStory } from '#test/support/webhook-story.ts'

for (const kind of databaseKinds)
  describe(`what webhooks are told, on ${kind}`, () => {
    const webhooks = useWebhookStory(kind)
    const { story, hook, ask, deliveriesOf, errorOf } = webhooks

    it('are told of conversations, through whichever door they go', async () => {
      const who = await registered(story, 'talker')
      const { path, secret } = await hook(who, ['conversation.created', 'conversation.completed'])
      const made = await story.api(
        'POST',
        '/v1/conversations',
        { title: 'Secret title', model: 'gpt-sim' },
        who.headers,
      )
      await ask(who, 'a session', 'Nobody else’s words')
      const created = await webhooks.receiver.events(path, 'conversation.created', 2)
      const [completed] = await webhooks.receiver.events(path, 'conversation.completed')
      for (const one of [...created, completed!]) expect(verify(secret, one)).toEqual(one.body)
      expect(created.map(({ body }) => body.data)).toContainEqual({
        conversation_id: made.body.id,
        user_id: who.id,
        model: 'gpt-sim',
      })
      expect(completed!.body.data).toEqual({
        conversation_id: expect.any(String),
        turn_id: expect.any(String),
        user_id: who.id,
        model: 'gpt-sim',
        status: 'completed',
        finish_reason: 'stop',
        usage: {
          prompt_tokens: expect.any(Number),
          completion_tokens: expect.any(Number),
          total_tokens: expect.any(Number),
        },
        cost: expect.any(Number),
      })
      const { usage } = completed!.body.data
      expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
      expect(created.map(({ body }) => body.data.conversation_id)).toContain(completed!.body.data.conversation_id)
      const app = await story.api('POST', '/api/v1/applications', { name: 'App', model: 'gpt-sim' }, who.headers)
      await story.api(
        'POST',
        `/api/v1/chat/${app.body.data.access_token}/chat/completions`,
        { messages: [{ role: 'user', content: 'I am a visitor' }] },
        { anonymous: 'yes', 'x-session-id': 'visit' },
      )
      const visited = (await webhooks.receiver.events(path, 'conversation.completed', 2)).at(-1)!
      expect(visited.body.data).toMatchObject({ user_id: null, application_id: app.body.data.id })
      for (const one of webhooks.receiver.at(path)) {
        expect(one.raw).not.toContain('Secret title')
        expect(one.raw).not.toContain('words')
        expect(one.raw).not.toContain('visitor')
      }
    })

    it('are told of guardrails that found something', async () => {
      const who = await registered(story, 'guardian')
      const { path, secret } = await hook(who, ['guardrail.hit'])
      const rule = {
        name: 'No names',
        kind: 'words',
        where: 'input',
        action: 'mask',
        config: { words: ['Rumpelstiltskin'] },
      }
      const made = await story.api('POST', `/api/v1/workspaces/${who.workspace}/guardrails`, rule, who.headers)
      const said = await ask(who, 'guarded', 'His name is Rumpelstiltskin')
      const [hit] = await webhooks.receiver.events(path, 'guardrail.hit')
      expect(verify(secret, hit!)).toMatchObject({
        type: 'guardrail.hit',
        data: {
          rule: 'No names',
          rule_id: made.body.data.id,
          where: 'input',
          turn_id: said.headers.get('x-turn-id'),
          redacted: true,
        },
      })
      expect(hit!.raw).not.toContain('Rumpel')
    })

    it('are told of members, budgets, and nothing of another workspace', async () => {
      const who = await registered(story, 'leader')
      const member = await registered(story, 'follower')
      const events = ['member.added', 'member.removed', 'usage.threshold_reached', 'conversation.completed']
      const { path } = await hook(who, events)
      const { path: others } = await hook(member, events)
      await addMember(story, who, member)
      const [added] = await webhooks.receiver.events(path, 'member.added')
      expect(added!.body.data).toEqual({ workspace_id: who.workspace, user_id: member.id, role: 'member', by: who.id })
      const url = `/api/v1/workspaces/${who.workspace}/members/${member.id}`
      await story.api('DELETE', url, undefined, who.headers)
      await webhooks.receiver.events(path, 'member.removed')
      const { database } = story.parley.parley
      const { id: workspaceId } = await database.read
        .selectFrom('workspaces')
        .select('id')
        .where('public_id', '=', who.workspace)
        .executeTakeFirstOrThrow()
      await database.write((tx) =>
        tx.tell({ type: 'budget-crossed', workspaceId, percent: 80, budgetMicros: 2_000_000, spentMicros: 1_700_000 }),
      )
      const [spent] = await webhooks.receiver.events(path, 'usage.threshold_reached')
      expect(spent!.body.data).toEqual({
        user_id: null,
        workspace_id: who.workspace,
        threshold: 80,
        current_usage: 1.7,
        limit: 2,
      })
      await ask(member, 'elsewhere')
      await webhooks.receiver.events(others, 'conversation.completed')
      expect(webhooks.receiver.at(others).map(({ body }) => body.type)).toEqual(['conversation.completed'])
      expect(webhooks.receiver.at(path).map(({ body }) => body.type)).not.toContain('conversation.completed')
    })

    it('tell of who registers and of upstreams to administrators of the server only, as long as they are', async () => {
      const events = ['user.registered', 'channel.health_changed']
      const stranger = await registered(story, 'stranger')
      for (const event of events) {
        const body = { url: `${webhooks.receiver.url}/spy`, events: ['member.added', event] }
        const answer = await story.api('POST', '/v1/webhooks', body, stranger.headers)
        expect(errorOf(answer)).toEqual({ status: 403, param: 'events' })
        const own = await hook(stranger, ['member.added'])
        expect(errorOf(await story.api('PATCH', own.at, { events: [event] }, stranger.headers)).status).toBe(403)
      }
      const chief = await registered(story, 'chief')
      const { database } = story.parley.parley
      const administers = (value: number) =>
        database.write((tx) =>
          tx.db.updateTable('users').set({ is_admin: value }).where('public_id', '=', chief.id).execute(),
        )
      await administers(1)
      const { path, at, secret } = await hook(chief, events)
      const newcomer = await registered(story, 'newcomer')
      const [told] = await webhooks.receiver.events(path, 'user.registered')
      expect(verify(secret, told!)).toMatchObject({
        data: { user_id: newcomer.id, username: 'newcomer', email: expect.stringContaining('newcomer-') },
      })
      await database.write((tx) =>
        tx.tell({ type: 'circuit-changed', upstream: 'openai', state: 'open', at: Date.now() }),
      )
      const [down] = await webhooks.receiver.events(path, 'channel.health_changed')
      expect(down!.body.data).toEqual({
        channel_id: expect.any(String),
        name: 'openai',
        previous_status: 'healthy',
        status: 'unhealthy',
      })

      // Another administrator of the workspace sees it, but cannot lead it elsewhere.
      const helper = await registered(story, 'helper')
      await webhooks.receiver.events(path, 'user.registered', 2)
      await addMember(story, chief, helper, 'admin')
      const there = { headers: { ...helper.headers, 'x-workspace-id': chief.workspace } }
      expect((await story.api('GET', at, undefined, there.headers)).status).toBe(200)
      for (const [method, url, body] of [
        ['PATCH', at, { url: `${webhooks.receiver.url}/spy` }],
        ['PATCH', at, { events: ['member.added'] }],
        ['POST', `${at}/rotate`, {}],
      ] as const)
        expect(errorOf(await story.api(method, url, body, there.headers))).toEqual({ status: 403, param: 'events' })
      expect(JSON.stringify(await deliveriesOf(at, there))).not.toContain('newcomer')

      await administers(0)
      const { path: marker } = await hook(chief, ['conversation.completed'])
      await registered(story, 'unseen')
      await ask(chief, 'afterwards')
      await webhooks.receiver.events(marker, 'conversation.completed')
      expect((await deliveriesOf(at, chief)).data).toHaveLength(3)
      expect(webhooks.receiver.at('/spy')).toEqual([])
    })

    it('stop what was queued for an administrator who is none any more', async () => {
      const chief = await registered(story, 'lapsed')
      const { database } = story.parley.parley
      const administers = (value: number) =>
        database.write((tx) =>
          tx.db.updateTable('users').set({ is_admin: value }).where('public_id', '=', chief.id).execute(),
        )
      await administers(1)
      const { path, at } = await hook(chief, ['user.registered'])
      const later = { status: 429, headers: { 'retry-after': '3600' } }
      webhooks.receiver.answering = (received) => (received.path === path ? later : {})
      await registered(story, 'queued')
      await webhooks.receiver.events(path, 'user.registered')
      const [first] = (await until(async () => {
        const { data } = await deliveriesOf(at, chief)
        return data[0]?.attempts === 1 && data
      })) as [{ id: string }]
      await administers(0)
      webhooks.receiver.answering = () => ({})
      await database.write((tx) =>
        tx.db.updateTable('webhook_deliveries').set({ due_at: 0 }).where('public_id', '=', first.id).execute(),
      )
      await story.parley.parley.deliveries.deliverDue()
      const [ended] = (await deliveriesOf(at, chief)).data
      expect(ended.status).toBe('failed')
      expect(ended.error).toContain('does not administer this server')
      expect(webhooks.receiver.at(path)).toHaveLength(1)
    })

    it('forget the name and address of who has himself erased', async () => {
      const chief = await registered(story, 'recorder')
      const { database } = story.parley.parley
      await database.write((tx) =>
        tx.db.updateTable('users').set({ is_admin: 1 }).where('public_id', '=', chief.id).execute(),
      )
      const { path, at } = await hook(chief, ['user.registered'])
      const leaver: StoryPerson = await registered(story, 'leaver')
      const [told] = await webhooks.receiver.events(path, 'user.registered')
      await until(async () => (await deliveriesOf(at, chief)).data[0].status === 'delivered')
      const stored = async () =>
        (
          await database.read
            .selectFrom('webhook_deliveries')
            .select('payload')
            .where('event', '=', 'user.registered')
            .execute()
        )
          .map(({ payload }) => payload)
          .join()
      expect(await stored()).toContain(told!.body.data.email)
      const erasure = { current_password: 'leaver has a password', anonymise: true }
      const erased = await story.api('DELETE', '/api/v1/users/me/data', erasure, leaver.headers)
      expect([200, 202], JSON.stringify(erased.body)).toContain(erased.status)
      await until(async () => !(await stored()).includes(told!.body.data.email))
      const [delivery] = (await deliveriesOf(at, chief)).data
      expect(delivery.status).toBe('delivered')
      const again = await story.api('POST', `${at}/deliveries/${delivery.id}/replay`, undefined, chief.headers)
      expect(again.status).toBe(409)
      await database.write((tx) =>
        tx.db.updateTable('users').set({ is_admin: 0 }).where('public_id', '=', chief.id).execute(),
      )
    })
  })
