import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '#contracts/index.ts'
import { type AccountDoor, accountDoor } from '#test/support/account-door.ts'
import { databaseKinds, useDatabase } from '#test/support/databases.ts'

for (const kind of databaseKinds)
  describe(`the endpoints of guardrails on ${kind}`, () => {
    const db = useDatabase(kind)
    let door: AccountDoor
    let owner: { as: string; principal: Principal }
    let at: string
    beforeAll(async () => {
      door = await accountDoor(db.database)
      const person = await door.rooms.person()
      owner = { as: person.grant.accessToken, principal: person.principal }
      at = `/workspaces/${person.principal.workspace.publicId}/guardrails`
    })
    afterAll(() => door.close())

    const words = { name: 'Words', kind: 'words', where: 'both', action: 'block', config: { words: ['a'] } }
    const create = (body: object, path = at) => door.send('POST', path, { as: owner.as, body })

    it('make, list, show, change and delete a rule', async () => {
      const { status, body } = await create({ ...words, config: { words: [' x ', 'y', 'x'] } })
      expect(status).toBe(201)
      const rule = body.data
      expect(rule).toEqual({
        id: expect.any(String),
        name: 'Words',
        kind: 'words',
        where: 'both',
        action: 'block',
        enabled: true,
        config: { words: ['x', 'y'], match: 'word' },
        application_id: null,
        created_at: expect.stringMatching(/Z$/),
        updated_at: expect.stringMatching(/Z$/),
      })
      expect((await door.send('GET', at, { as: owner.as })).body.data).toEqual([rule])
      expect((await door.send('GET', `${at}/${rule.id}`, { as: owner.as })).body.data).toEqual(rule)
      const changed = await door.send('PATCH', `${at}/${rule.id}`, {
        as: owner.as,
        body: { action: 'mask', enabled: false, config: { words: ['z'], match: 'part', replacement: '' } },
      })
      expect(changed.body.data).toMatchObject({
        name: 'Words',
        action: 'mask',
        enabled: false,
        config: { words: ['z'], match: 'part', replacement: '' },
      })
      const back = await door.send('PUT', `${at}/${rule.id}`, { as: owner.as, body: changed.body.data })
      expect(back.body.data).toEqual({ ...changed.body.data, updated_at: back.body.data.updated_at })
      expect((await door.send('DELETE', `${at}/${rule.id}`, { as: owner.as })).status).toBe(200)
      expect((await door.send('GET', `${at}/${rule.id}`, { as: owner.as })).status).toBe(404)
    })

    it.for([
      { kind: 'pattern', config: { pattern: String.raw`\d+` } },
      { kind: 'personal-data' },
      { kind: 'personal-data', config: { types: ['email'] } },
      { kind: 'injection', where: 'input' },
      { kind: 'endpoint', config: { upstream: 'openai', model: 'm', categories: ['hate'], threshold: 0.5 } },
      { kind: 'judge', config: { model: 'gpt-sim', instructions: 'Rude.', on_outage: 'open', replacement: 'x' } },
    ])('take and give back %j', async (given) => {
      const { status, body } = await create({ ...words, config: undefined, ...given })
      expect(status, JSON.stringify(body)).toBe(201)
      expect(body.data).toMatchObject(given)
      const again = await create({
        ...words,
        name: 'again',
        where: body.data.where,
        kind: given.kind,
        config: body.data.config,
      })
      expect(again.body.data.config).toEqual(body.data.config)
      for (const { id } of [body.data, again.body.data]) await door.send('DELETE', `${at}/${id}`, { as: owner.as })
    })

    it.for([
      ['name', { name: ' ' }],
      ['name', { name: 'x'.repeat(101) }],
      ['kind', { kind: 'regex' }],
      ['where', { where: 'everywhere' }],
      ['action', { action: 'warn' }],
      ['where', { kind: 'injection', where: 'both', config: {} }],
      ['config.words', { config: {} }],
      ['config.words', { config: { words: [] } }],
      ['config.words', { config: { words: 'a' } }],
      ['config.words', { config: { words: Array(2_001).fill('a') } }],
      ['config.words[1]', { config: { words: ['a', ''] } }],
      ['config.words[0]', { config: { words: ['x'.repeat(201)] } }],
      ['config.words[0]', { config: { words: [7] } }],
      ['config.words[0]', { config: { words: ['\u200b\u00ad'] } }],
      ['config.words[0]', { config: { words: ['a\0b'] } }],
      ['config.match', { config: { words: ['a'], match: 'all' } }],
      ['config.replacement', { config: { words: ['a'], replacement: 'x'.repeat(101) } }],
      ['config.pattern', { config: { words: ['a'], pattern: 'b' } }],
      ['config.pattern', { kind: 'pattern', config: {} }],
      ['config.pattern', { kind: 'pattern', config: { pattern: '(' } }],
      ['config.pattern', { kind: 'pattern', config: { pattern: '(?=a)b' } }],
      ['config.pattern', { kind: 'pattern', config: { pattern: 'a*' } }],
      ['config.pattern', { kind: 'pattern', config: { pattern: 'x'.repeat(1_001) } }],
      ['config.pattern', { kind: 'pattern', config: { pattern: '(?:a{100}){3}' } }],
      ['config.ignore_case', { kind: 'pattern', config: { pattern: 'a', ignore_case: 'yes' } }],
      ['config.types[0]', { kind: 'personal-data', config: { types: ['shoe-size'] } }],
      ['config.upstream', { kind: 'endpoint', config: { upstream: 'nobody' } }],
      ['config.threshold', { kind: 'endpoint', config: { upstream: 'openai', threshold: 2 } }],
      ['config.on_outage', { kind: 'endpoint', config: { upstream: 'openai', on_outage: 'maybe' } }],
      ['config.model', { kind: 'judge', config: { model: 'nobody', instructions: 'x' } }],
      ['config.instructions', { kind: 'judge', config: { model: 'gpt-sim' } }],
      ['__proto__', { config: JSON.parse('{"words":["a"],"__proto__":{"match":"part"}}') as object }],
      ['config', { config: [] }],
    ] as [string, object][])('refuse what is wrong, and name %s: %j', async ([field, wrong]) => {
      const { status, body } = await create({ ...words, ...wrong })
      expect([400, 422], JSON.stringify(body)).toContain(status)
      expect(body.message).toContain(field)
    })

    it('refuse another kind for a rule that is there', async () => {
      const { body } = await create(words)
      const changed = await door.send('PATCH', `${at}/${body.data.id}`, { as: owner.as, body: { kind: 'pattern' } })
      expect(changed).toMatchObject({ status: 422, body: { message: expect.stringContaining('kind') } })
      await door.send('DELETE', `${at}/${body.data.id}`, { as: owner.as })
    })

    it('make fifty rules and no more, under a workspace and under each of its apps', async () => {
      const app = await door.rooms.apps.create(owner.principal, { name: 'Full' })
      const path = `/applications/${app.publicId}/guardrails`
      for (let i = 0; i < 50; i++) expect((await create(words, path)).status).toBe(201)
      expect((await create(words, path)).status).toBe(409)
      expect((await create(words)).status).toBe(201)
      expect((await door.send('GET', path, { as: owner.as })).body.data).toHaveLength(50)
      // They go with their app.
      await door.rooms.apps.remove(owner.principal, app.publicId)
      const left = await db.database.read
        .selectFrom('guardrails')
        .select('id')
        .where('app_id', 'is not', null)
        .execute()
      expect(left).toEqual([])
    })

    it('take so much config in all, and no more', async () => {
      const app = await door.rooms.apps.create(owner.principal, { name: 'Long' })
      const path = `/applications/${app.publicId}/guardrails`
      const long = Array.from({ length: 700 }, (_, index) => `${index}`.padEnd(140, 'x'))
      const config = { words: long }
      expect((await create({ ...words, config }, path)).status).toBe(201)
      expect((await create({ ...words, config }, path)).status).toBe(413)
      const short = await create(words, path)
      expect(short.status).toBe(201)
      const changed = await door.send('PATCH', `${path}/${short.body.data.id}`, { as: owner.as, body: { config } })
      expect(changed).toMatchObject({ status: 413, body: { message: expect.stringContaining('characters of config') } })
      expect((await door.send('GET', path, { as: owner.as })).body.data).toHaveLength(2)
    })

    it('are for administrators, with a credential that has the scope for it', async () => {
      const { rooms } = door
      const { body } = await create(words)
      const app = await rooms.apps.create(owner.principal, { name: 'Guarded' })
      const paths = [at, `/applications/${app.publicId}/guardrails`]
      const member = await rooms.person('member')
      await rooms.workspaces.addMember(owner.principal, owner.principal.workspace.publicId, {
        user: { publicId: member.principal.user.publicId },
        role: 'member',
      })
      const admin = await rooms.person('admin')
      await rooms.workspaces.addMember(owner.principal, owner.principal.workspace.publicId, {
        user: { publicId: admin.principal.user.publicId },
        role: 'admin',
      })
      const writer = await rooms.keyOf(await principalOf(owner.as), { scopes: ['read', 'write'] })
      const workspace = { 'x-workspace-id': owner.principal.workspace.publicId }
      const asks: [string, string, object?][] = paths.flatMap((path): [string, string, object?][] => [
        ['GET', path],
        ['POST', path, words],
        ['POST', `${path}/test`, { text: 'a', where: 'input' }],
        ['GET', `${path}/${body.data.id}`],
        ['PATCH', `${path}/${body.data.id}`, { enabled: false }],
        ['DELETE', `${path}/${body.data.id}`],
      ])
      asks.push(['GET', `${at}/violations`])
      for (const [method, path, sent] of asks) {
        const as = (headers: object) => door.send(method, path, { body: sent, ...headers })
        expect((await as({ as: member.grant.accessToken, headers: workspace })).status, `${method} ${path}`).toBe(403)
        expect((await as({ key: writer.key })).status, `${method} ${path}`).toBe(403)
      }
      const token = admin.grant.accessToken
      const made = await door.send('POST', at, { as: token, headers: workspace, body: words })
      expect(made.status).toBe(201)
      expect((await door.send('GET', `${at}/violations`, { as: token, headers: workspace })).body.data).toEqual([])
    })

    it('find a rule only where it is', async () => {
      const app = await door.rooms.apps.create(owner.principal, { name: 'Elsewhere' })
      const { body } = await create(words)
      const path = `/applications/${app.publicId}/guardrails/${body.data.id}`
      for (const method of ['GET', 'DELETE'] as const)
        expect((await door.send(method, path, { as: owner.as })).status).toBe(404)
    })

    it('refuse a page that is none', async () => {
      for (const query of ['limit=0', 'limit=101', 'before=x', 'rule_id=x', 'where=both', 'from=yesterday', 'to=1'])
        expect([400, 422]).toContain((await door.send('GET', `${at}/violations?${query}`, { as: owner.as })).status)
    })

    async function principalOf(bearer: string) {
      return door.rooms.auth.authenticate({ bearer })
    }
  })
