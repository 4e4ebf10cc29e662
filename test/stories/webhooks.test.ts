import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { isSignedBy, type Receiver, startReceiver, verify } from '#test/support/receiver.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'

for (const kind of databaseKinds)
  describe(`webhooks on ${kind}`, () => {
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

    it('are made, listed, shown, changed and deleted; their secret is shown once', async () => {
      const who = await registered(story, 'keeper')
      const made = await story.api(
        'POST',
        '/v1/webhooks',
        { url: `${receiver.url}/x`, events: ['conversation.created', 'conversation.created'], description: ' Mine ' },
        who.headers,
      )
      const { secret, ...webhook } = made.body
      expect(webhook).toEqual({
        id: expect.stringMatching(/^wh_[0-9a-f]{32}$/),
        object: 'webhook',
        url: `${receiver.url}/x`,
        events: ['conversation.created'],
        description: 'Mine',
        enabled: true,
        created_at: expect.any(Number),
        updated_at: expect.any(Number),
      })
      expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).toHaveLength(32)
      const at = `/v1/webhooks/${webhook.id}`
      expect((await story.api('GET', at, undefined, who.headers)).body).toEqual(webhook)
      expect((await story.api('GET', '/v1/webhooks', undefined, who.headers)).body).toEqual({
        object: 'list',
        data: [webhook],
        total: 1,
        limit: 20,
        offset: 0,
        has_more: false,
      })
      const change = { events: ['member.added'], enabled: false }
      const changed = await story.api('PATCH', at, change, who.headers)
      expect(changed.body).toEqual({ ...webhook, ...change, updated_at: expect.any(Number) })
      expect((await story.api('DELETE', at, undefined, who.headers)).body).toEqual({
        id: webhook.id,
        object: 'webhook',
        deleted: true,
      })
      expect((await story.api('GET', at, undefined, who.headers)).status).toBe(404)
      const stored = await story.parley.parley.database.read.selectFrom('webhooks').select('secret').execute()
      for (const row of stored) expect(row.secret).not.toContain(secret.slice(6, 20))
    })

    it('refuse what is wrong, and name it', async () => {
      const who = await registered(story, 'clumsy')
      const good = { url: 'https://93.184.216.34/hook', events: ['conversation.created'] }
      const wrong: [string, object][] = [
        ['url', { url: undefined }],
        ['url', { url: 7 }],
        ['url', { url: '' }],
        ['url', { url: 'not a url' }],
        ['url', { url: 'ftp://example.com/' }],
        ['url', { url: 'javascript:alert(1)' }],
        ['url', { url: `https://example.com/${'x'.repeat(2_048)}` }],
        ['url', { url: `https://93.184.216.34/${'한'.repeat(400)}` }],
        ['url', { url: 'https://user:word@example.com/' }],
        ['url', { url: 'http://localhost:8000/' }],
        ['url', { url: 'http://169.254.169.254/latest/meta-data/' }],
        ['url', { url: 'http://[::ffff:10.0.0.1]/' }],
        ['url', { url: 'http://[64:ff9b::7f00:1]/' }],
        ['url', { url: 'http://0/' }],
        ['url', { url: 'http://3232235777/' }],
        ['url', { url: 'http://0xa.0.0.1/' }],
        ['url', { url: 'http://metadata.google.internal/' }],
        ['url', { url: 'https://93.184.216.34/\0' }],
        ['events', { events: undefined }],
        ['events', { events: [] }],
        ['events', { events: 'conversation.created' }],
        ['events[1]', { events: ['conversation.created', 'payment.succeeded'] }],
        ['events[0]', { events: ['*'] }],
        ['events[0]', { events: ['__proto__'] }],
        ['events[0]', { events: [null] }],
        ['description', { description: 'x'.repeat(501) }],
        ['description', { description: 'a\0b' }],
        ['enabled', { enabled: 'yes' }],
        ['secret', { secret: '' }],
        ['secret', { secret: 'whsec_' }],
        ['secret', { secret: `whsec_${Buffer.alloc(23).toString('base64')}` }],
        ['secret', { secret: `whsec_${Buffer.alloc(65).toString('base64')}` }],
        ['secret', { secret: `whsec_${'!'.repeat(40)}` }],
        ['secret', { secret: `whsec_${Buffer.alloc(32).toString('base64').replace('A', ' ')}` }],
        ['workspace_id', { workspace_id: who.workspace }],
        ['Events', { Events: ['conversation.created'] }],
      ]
      for (const [param, change] of wrong) {
        const answer = await story.api('POST', '/v1/webhooks', { ...good, ...change }, who.headers)
        expect([change, errorOf(answer)]).toEqual([change, { status: 400, param }])
      }
      expect((await story.api('GET', '/v1/webhooks', undefined, who.headers)).body.total).toBe(0)
      const { at } = await hook(who, ['conversation.created'])
      const wrongly: [string, object][] = [
        ['url', { url: 'http://10.0.0.1/' }],
        ['events[0]', { events: ['nothing'] }],
        ['secret', { secret: `whsec_${Buffer.alloc(32).toString('base64')}` }],
        ['id', { id: 'wh_mine' }],
      ]
      for (const [param, change] of wrongly)
        expect(errorOf(await story.api('PATCH', at, change, who.headers))).toEqual({ status: 400, param })
      expect(errorOf(await story.api('POST', `${at}/rotate`, { secret: 'short' }, who.headers))).toEqual({
        status: 400,
        param: 'secret',
      })
      expect(errorOf(await story.api('POST', `${at}/rotate`, { key: 'x' }, who.headers)).param).toBe('key')
      for (const query of ['limit=0', 'limit=101', 'status=lost', 'after=msg_none'])
        expect((await story.api('GET', `${at}/deliveries?${query}`, undefined, who.headers)).status).toBe(400)
    })

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
      const created = await receiver.events(path, 'conversation.created', 2)
      const [completed] = await receiver.events(path, 'conversation.completed')
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
      const visited = (await receiver.events(path, 'conversation.completed', 2)).at(-1)!
      expect(visited.body.data).toMatchObject({ user_id: null, application_id: app.body.data.id })
      for (const one of receiver.at(path)) {
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
      const [hit] = await receiver.events(path, 'guardrail.hit')
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
      const [added] = await receiver.events(path, 'member.added')
      expect(added!.body.data).toEqual({ workspace_id: who.workspace, user_id: member.id, role: 'member', by: who.id })
      const url = `/api/v1/workspaces/${who.workspace}/members/${member.id}`
      await story.api('DELETE', url, undefined, who.headers)
      await receiver.events(path, 'member.removed')
      const { database } = story.parley.parley
      const { id: workspaceId } = await database.read
        .selectFrom('workspaces')
        .select('id')
        .where('public_id', '=', who.workspace)
        .executeTakeFirstOrThrow()
      await database.write((tx) =>
        tx.tell({ type: 'budget-crossed', workspaceId, percent: 80, budgetMicros: 2_000_000, spentMicros: 1_700_000 }),
      )
      const [spent] = await receiver.events(path, 'usage.threshold_reached')
      expect(spent!.body.data).toEqual({
        user_id: null,
        workspace_id: who.workspace,
        threshold: 80,
        current_usage: 1.7,
        limit: 2,
      })
      await ask(member, 'elsewhere')
      await receiver.events(others, 'conversation.completed')
      expect(receiver.at(others).map(({ body }) => body.type)).toEqual(['conversation.completed'])
      expect(receiver.at(path).map(({ body }) => body.type)).not.toContain('conversation.completed')
    })

    it('tell of who registers and of upstreams to administrators of the server only, as long as they are', async () => {
      const events = ['user.registered', 'channel.health_changed']
      const stranger = await registered(story, 'stranger')
      for (const event of events) {
        const body = { url: `${receiver.url}/spy`, events: ['member.added', event] }
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
      const [told] = await receiver.events(path, 'user.registered')
      expect(verify(secret, told!)).toMatchObject({
        data: { user_id: newcomer.id, username: 'newcomer', email: expect.stringContaining('newcomer-') },
      })
      await database.write((tx) =>
        tx.tell({ type: 'circuit-changed', upstream: 'openai', state: 'open', at: Date.now() }),
      )
      const [down] = await receiver.events(path, 'channel.health_changed')
      expect(down!.body.data).toEqual({
        channel_id: expect.any(String),
        name: 'openai',
        previous_status: 'healthy',
        status: 'unhealthy',
      })

      // Another administrator of the workspace sees it, but cannot lead it elsewhere.
      const helper = await registered(story, 'helper')
      await receiver.events(path, 'user.registered', 2)
      await addMember(story, chief, helper, 'admin')
      const there = { headers: { ...helper.headers, 'x-workspace-id': chief.workspace } }
      expect((await story.api('GET', at, undefined, there.headers)).status).toBe(200)
      for (const [method, url, body] of [
        ['PATCH', at, { url: `${receiver.url}/spy` }],
        ['PATCH', at, { events: ['member.added'] }],
        ['POST', `${at}/rotate`, {}],
      ] as const)
        expect(errorOf(await story.api(method, url, body, there.headers))).toEqual({ status: 403, param: 'events' })
      expect(JSON.stringify(await deliveriesOf(at, there))).not.toContain('newcomer')

      await administers(0)
      const { path: marker } = await hook(chief, ['conversation.completed'])
      await registered(story, 'unseen')
      await ask(chief, 'afterwards')
      await receiver.events(marker, 'conversation.completed')
      expect((await deliveriesOf(at, chief)).data).toHaveLength(3)
      expect(receiver.at('/spy')).toEqual([])
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
      receiver.answering = (received) => (received.path === path ? later : {})
      await registered(story, 'queued')
      await receiver.events(path, 'user.registered')
      const [first] = (await until(async () => {
        const { data } = await deliveriesOf(at, chief)
        return data[0]?.attempts === 1 && data
      })) as [{ id: string }]
      await administers(0)
      receiver.answering = () => ({})
      await database.write((tx) =>
        tx.db.updateTable('webhook_deliveries').set({ due_at: 0 }).where('public_id', '=', first.id).execute(),
      )
      await story.parley.parley.deliveries.deliverDue()
      const [ended] = (await deliveriesOf(at, chief)).data
      expect(ended.status).toBe('failed')
      expect(ended.error).toContain('does not administer this server')
      expect(receiver.at(path)).toHaveLength(1)
    })

    it('are tested at once, whether enabled or not', async () => {
      const who = await registered(story, 'tester')
      const { path, at, secret } = await hook(who, ['member.added'], { enabled: false })
      const good = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(good.body).toEqual({ object: 'webhook.test', success: true, status: 200, latency_ms: expect.any(Number) })
      const [came] = receiver.at(path)
      expect(verify(secret, came!)).toMatchObject({ type: 'webhook.test', data: { webhook_id: at.split('/').at(-1) } })
      receiver.answering = () => ({ status: 302, headers: { location: 'http://169.254.169.254/' } })
      const moved = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(moved.body).toMatchObject({ success: false, status: 302, error: expect.stringContaining('redirects') })
      receiver.answering = () => 'reset'
      const broken = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(broken.body).toEqual({
        object: 'webhook.test',
        success: false,
        latency_ms: expect.any(Number),
        error: 'The connection was closed',
      })
      receiver.answering = () => ({})
      expect((await deliveriesOf(at, who)).data).toEqual([])
    })

    it('lead nowhere inside, whatever a name means by the time that something is sent', async () => {
      const who = await registered(story, 'rebinder')
      const inner = await startReceiver(undefined, '127.0.0.2')
      const url = (name: string) => `http://${name}:${inner.port}/`
      names['inner.example'] = ['127.0.0.2']
      names['rebound.example'] = ['93.184.216.34', '127.0.0.2']
      const events = ['conversation.created']
      const refused = await story.api('POST', '/v1/webhooks', { url: url('inner.example'), events }, who.headers)
      expect(errorOf(refused)).toEqual({ status: 400, param: 'url' })
      expect(refused.body.error.code).toBe('outbound_refused')
      const made = await story.api('POST', '/v1/webhooks', { url: url('rebound.example'), events }, who.headers)
      expect(made.status).toBe(200)
      const at = `/v1/webhooks/${made.body.id}`
      await story.api('POST', '/v1/conversations', {}, who.headers)
      const delivery = await until(async () => {
        const [one] = (await deliveriesOf(at, who)).data
        return one?.attempts > 0 && one
      })
      expect(delivery).toMatchObject({ status: 'pending', error: expect.stringContaining('not public') })
      const tested = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(tested.body).toMatchObject({ success: false, error: expect.stringContaining('not public') })
      expect(inner.received).toEqual([])
      await story.api('DELETE', at, undefined, who.headers)
      await inner.close()
    })

    it('list their deliveries in pages, and replay them', async () => {
      const who = await registered(story, 'reader')
      const { path, at, secret } = await hook(who, ['conversation.created'])
      for (let count = 0; count < 3; count++) await story.api('POST', '/v1/conversations', {}, who.headers)
      await receiver.events(path, 'conversation.created', 3)
      const all = await until(async () => {
        const page = await deliveriesOf(at, who, '?status=delivered')
        return page.data.length === 3 && page
      })
      expect(all.data[0]).toEqual({
        id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
        object: 'webhook.delivery',
        webhook_id: at.split('/').at(-1),
        event: 'conversation.created',
        status: 'delivered',
        attempts: 1,
        response_status: 200,
        latency_ms: expect.any(Number),
        error: null,
        next_attempt_at: null,
        created_at: expect.any(Number),
        ended_at: expect.any(Number),
      })
      const ids = all.data.map(({ id }: { id: string }) => id)
      const first = await deliveriesOf(at, who, '?limit=2')
      expect(first).toMatchObject({ object: 'list', first_id: ids[0], last_id: ids[1], has_more: true })
      const second = await deliveriesOf(at, who, `?limit=2&after=${first.last_id}`)
      expect(second).toMatchObject({ first_id: ids[2], last_id: ids[2], has_more: false })
      expect((await deliveriesOf(at, who, '?status=failed')).data).toEqual([])
      const replayed = await story.api('POST', `${at}/deliveries/${ids[1]}/replay`, undefined, who.headers)
      expect(replayed.body).toMatchObject({ id: ids[1], status: 'pending', attempts: 0 })
      const twice = await until(() => {
        const same = receiver.at(path).filter(({ body }) => body.id === ids[1])
        return same.length === 2 && same
      })
      expect(twice[0]!.raw).toBe(twice[1]!.raw)
      expect(twice.every((one) => isSignedBy(secret, one))).toBe(true)
      const missing = await story.api('POST', `${at}/deliveries/msg_none/replay`, undefined, who.headers)
      expect(missing.status).toBe(404)
    })

    it('that are gone are disabled, and the administrators are told', async () => {
      const who = await registered(story, 'mover')
      const { path, at } = await hook(who, ['conversation.created'])
      receiver.answering = (received) => ({ status: received.path === path ? 410 : 200 })
      await story.api('POST', '/v1/conversations', {}, who.headers)
      const note = await until(async () => {
        const { body } = await story.api('GET', '/api/v1/notifications', undefined, who.headers)
        return body.data.notifications.find(({ kind }: { kind: string }) => kind === 'webhook_disabled')
      })
      expect(note).toMatchObject({
        title: `A webhook to 127.0.0.1:${receiver.port} was disabled`,
        data: { webhook_id: at.split('/').at(-1), reason: 'gone' },
      })
      const gone = await story.api('GET', at, undefined, who.headers)
      expect(gone.body).toMatchObject({ enabled: false, disabled_reason: 'gone' })
      const [failed] = (await deliveriesOf(at, who)).data
      expect((await story.api('POST', `${at}/deliveries/${failed.id}/replay`, undefined, who.headers)).status).toBe(409)
      receiver.answering = () => ({})
      const back = await story.api('PATCH', at, { enabled: true }, who.headers)
      expect(back.body.disabled_reason).toBeUndefined()
      await story.api('POST', `${at}/deliveries/${failed.id}/replay`, undefined, who.headers)
      await until(async () => (await deliveriesOf(at, who)).data[0].status === 'delivered')
    })

    it('are for administrators, with a credential that has the scope for it', async () => {
      const who = await registered(story, 'admin')
      const member = await registered(story, 'plain')
      await addMember(story, who, member)
      const { at } = await hook(who, ['member.added'])
      const key = await story.api('POST', '/api/v1/api-keys', { name: 'w', scopes: ['read', 'write'] }, who.headers)
      const asks: [string, string, object?][] = [
        ['GET', '/v1/webhooks'],
        ['POST', '/v1/webhooks', { url: 'https://93.184.216.34/', events: ['member.added'] }],
        ['GET', at],
        ['PATCH', at, { enabled: false }],
        ['POST', `${at}/rotate`],
        ['POST', `${at}/test`],
        ['GET', `${at}/deliveries`],
        ['POST', `${at}/deliveries/msg_none/replay`],
        ['DELETE', at],
      ]
      for (const [method, url, body] of asks)
        for (const headers of [
          { ...member.headers, 'x-workspace-id': who.workspace } as Record<string, string>,
          { 'x-api-key': key.body.key as string },
        ])
          expect([method, url, (await story.api(method, url, body, headers)).status]).toEqual([method, url, 403])
    })

    it('are fifty in a workspace at most', async () => {
      const who = await registered(story, 'collector')
      for (let count = 0; count < 50; count++) await hook(who, ['member.added'])
      const body = { url: `${receiver.url}/more`, events: ['member.added'] }
      expect((await story.api('POST', '/v1/webhooks', body, who.headers)).status).toBe(409)
      const { body: page } = await story.api('GET', '/v1/webhooks?limit=30&offset=30', undefined, who.headers)
      expect([page.data.length, page.total, page.has_more]).toEqual([20, 50, false])
    })

    it('forget the name and address of who has himself erased', async () => {
      const chief = await registered(story, 'recorder')
      const { database } = story.parley.parley
      await database.write((tx) =>
        tx.db.updateTable('users').set({ is_admin: 1 }).where('public_id', '=', chief.id).execute(),
      )
      const { path, at } = await hook(chief, ['user.registered'])
      const leaver: StoryPerson = await registered(story, 'leaver')
      const [told] = await receiver.events(path, 'user.registered')
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
