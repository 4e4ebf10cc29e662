import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { addMember, registered } from '#test/support/people.ts'
import { isSignedBy, startReceiver, verify } from '#test/support/receiver.ts'
import { until } from '#test/support/until.ts'
import { useWebhookStory } from '#test/support/webhook-story.ts'

for (const kind of databaseKinds)
  describe(`webhooks on ${kind}`, () => {
    const webhooks = useWebhookStory(kind)
    const { story, names, hook, deliveriesOf, errorOf } = webhooks

    it('are made, listed, shown, changed and deleted; their secret is shown once', async () => {
      const who = await registered(story, 'keeper')
      const made = await story.api(
        'POST',
        '/v1/webhooks',
        {
          url: `${webhooks.receiver.url}/x`,
          events: ['conversation.created', 'conversation.created'],
          description: ' Mine ',
        },
        who.headers,
      )
      const { secret, ...webhook } = made.body
      expect(webhook).toEqual({
        id: expect.stringMatching(/^wh_[0-9a-f]{32}$/),
        object: 'webhook',
        url: `${webhooks.receiver.url}/x`,
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

    it('are tested at once, whether enabled or not', async () => {
      const who = await registered(story, 'tester')
      const { path, at, secret } = await hook(who, ['member.added'], { enabled: false })
      const good = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(good.body).toEqual({ object: 'webhook.test', success: true, status: 200, latency_ms: expect.any(Number) })
      const [came] = webhooks.receiver.at(path)
      expect(verify(secret, came!)).toMatchObject({ type: 'webhook.test', data: { webhook_id: at.split('/').at(-1) } })
      webhooks.receiver.answering = () => ({ status: 302, headers: { location: 'http://169.254.169.254/' } })
      const moved = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(moved.body).toMatchObject({ success: false, status: 302, error: expect.stringContaining('redirects') })
      webhooks.receiver.answering = () => 'reset'
      const broken = await story.api('POST', `${at}/test`, undefined, who.headers)
      expect(broken.body).toEqual({
        object: 'webhook.test',
        success: false,
        latency_ms: expect.any(Number),
        error: 'The connection was closed',
      })
      webhooks.receiver.answering = () => ({})
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
      await webhooks.receiver.events(path, 'conversation.created', 3)
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
        const same = webhooks.receiver.at(path).filter(({ body }) => body.id === ids[1])
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
      webhooks.receiver.answering = (received) => ({ status: received.path === path ? 410 : 200 })
      await story.api('POST', '/v1/conversations', {}, who.headers)
      const note = await until(async () => {
        const { body } = await story.api('GET', '/api/v1/notifications', undefined, who.headers)
        return body.data.notifications.find(({ kind }: { kind: string }) => kind === 'webhook_disabled')
      })
      expect(note).toMatchObject({
        title: `A webhook to 127.0.0.1:${webhooks.receiver.port} was disabled`,
        data: { webhook_id: at.split('/').at(-1), reason: 'gone' },
      })
      const gone = await story.api('GET', at, undefined, who.headers)
      expect(gone.body).toMatchObject({ enabled: false, disabled_reason: 'gone' })
      const [failed] = (await deliveriesOf(at, who)).data
      expect((await story.api('POST', `${at}/deliveries/${failed.id}/replay`, undefined, who.headers)).status).toBe(409)
      webhooks.receiver.answering = () => ({})
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
      const body = { url: `${webhooks.receiver.url}/more`, events: ['member.added'] }
      expect((await story.api('POST', '/v1/webhooks', body, who.headers)).status).toBe(409)
      const { body: page } = await story.api('GET', '/v1/webhooks?limit=30&offset=30', undefined, who.headers)
      expect([page.data.length, page.total, page.has_more]).toEqual([20, 50, false])
    })
  })
