import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { ownerEmail, ownerPassword } from '#test/support/parley.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { keyOf, makeBot, newWord, settled, usageOf, waysToSay } from '#test/support/said-everywhere.ts'
import { useStory } from '#test/support/story.ts'
import { placesOf } from '#test/support/text-columns.ts'

const passwordOf = (name: string) => ({ current_password: `${name} has a password` })

for (const kind of databaseKinds)
  describe(`a person's text on ${kind}`, () => {
    const story = useStory(kind)
    const places = (text: string) => placesOf(story.parley.parley.database, text)
    const erase = (who: StoryPerson, body: object) => story.api('DELETE', '/api/v1/users/me/data', body, who.headers)

    async function sayEverything(who: StoryPerson, word: string, workspace: string, app: string): Promise<void> {
      for (const say of Object.values(waysToSay)) await say(story, who, word, { app, workspace })
      await settled(story)
    }

    it('is gone from every column, and what it cost is not', async () => {
      const ada = await registered(story, 'ada')
      const bob = await registered(story, 'bob')
      const app = await makeBot(story, ada)
      await addMember(story, ada, bob)
      const [hers, his] = [newWord(), newWord()]
      await sayEverything(ada, hers, ada.workspace, app)
      await sayEverything(bob, his, ada.workspace, app)
      // Each of these tables was reached: a test that plants nothing finds nothing.
      const tables = new Set((await places(hers)).map((place) => place.split('.')[0]))
      expect([...tables].sort()).toEqual([
        'api_keys',
        'conversation_clears',
        'conversations',
        'feedback',
        'guardrail_violations',
        'history_rows',
        'history_texts',
        'idempotency_keys',
        'notifications',
        'plugin_execution_events',
        'plugin_executions',
        'turn_inputs',
        'turn_outputs',
        'turns',
      ])
      const usage = await usageOf(story)
      const bobs = (await places(his)).sort()
      const { status, body } = await erase(ada, passwordOf('ada'))
      expect(status).toBe(200)
      expect(body.data).toMatchObject({
        status: 'completed',
        anonymised: false,
        workspace_id: null,
        kept: {},
        held: false,
      })
      expect(body.data.removed).toMatchObject({ conversations: 3, api_keys: 1, feedback: 2, plugin_executions: 1 })
      expect(body.data.removed.turns).toBeGreaterThanOrEqual(7)
      expect(await places(hers)).toEqual([])
      expect(await usageOf(story)).toEqual(usage)
      expect((await places(his)).sort()).toEqual(bobs)
    })

    it('is not asked for without the password, by a key, or for somebody else', async () => {
      const eve = await registered(story, 'eve')
      for (const body of [{}, { current_password: 'wrong' }, undefined]) {
        const refused = await story.api('DELETE', '/api/v1/users/me/data', body, eve.headers)
        expect(refused.status, JSON.stringify(refused.body)).toBe(422)
        expect(refused.body.message).toContain('current_password')
      }
      const { key } = (await story.api('POST', '/api/v1/api-keys', { name: 'hers' }, eve.headers)).body
      const byKey = await story.api('DELETE', '/api/v1/users/me/data', passwordOf('eve'), { 'x-api-key': key })
      expect(byKey.status).toBe(403)
      expect((await story.api('GET', '/api/v1/users/me/export', undefined, { 'x-api-key': key })).status).toBe(403)
      const other = await registered(story, 'mallory')
      const url = `/api/v1/users/${eve.id}/data`
      expect((await story.api('DELETE', url, passwordOf('mallory'), other.headers)).status).toBe(403)
      expect((await story.api('GET', '/api/v1/auth/me', undefined, eve.headers)).status).toBe(200)
    })

    it('ends sessions and keys, and the account goes on', async () => {
      const cara = await registered(story, 'cara')
      const { key } = (await story.api('POST', '/api/v1/api-keys', { name: 'hers' }, cara.headers)).body
      const me = (headers: Record<string, string>) => story.api('GET', '/api/v1/auth/me', undefined, headers)
      const email = (await me(cara.headers)).body.data.email
      expect((await erase(cara, passwordOf('cara'))).status).toBe(200)
      expect((await me(cara.headers)).status).toBe(401)
      expect((await me({ 'x-api-key': key })).status).toBe(401)
      const login = { email, password: 'cara has a password' }
      const again = await story.api('POST', '/api/v1/auth/login', login, { anonymous: 'yes' })
      expect(again.status).toBe(200)
      // What is said from now on is hers again.
      const word = newWord()
      const back = { ...cara, headers: { authorization: `Bearer ${again.body.data.access_token}` } }
      await waysToSay['a stateless turn with metadata']!(story, back, word, { app: '', workspace: cara.workspace })
      await settled(story)
      expect(await places(word)).not.toEqual([])
    })

    it('takes the account too, if that is asked for; nothing tells who it was', async () => {
      const dora = await registered(story, 'dora')
      const team = await registered(story, 'team')
      await addMember(story, team, dora, 'admin')
      const app = await makeBot(story, dora)
      const word = newWord()
      await sayEverything(dora, word, dora.workspace, app)
      const { email } = (await story.api('GET', '/api/v1/auth/me', undefined, dora.headers)).body.data
      await story.api('PATCH', '/api/v1/auth/me', { full_name: `Dora ${word}` }, dora.headers)
      await story.api('PATCH', `/api/v1/applications/${app}`, { system_prompt: `Prompt ${word}` }, dora.headers)
      await story.api('PATCH', `/api/v1/workspaces/${dora.workspace}`, { name: `Of ${word}` }, dora.headers)
      await settled(story)
      const usage = await usageOf(story)
      const { body } = await erase(dora, { anonymise: true, ...passwordOf('dora') })
      expect(body.data).toMatchObject({ status: 'completed', anonymised: true })
      // Her workspace was hers alone: what was in it goes by and by.
      await story.parley.parley.retention.pass()
      expect(await places(word)).toEqual([])
      expect(await places(email)).toEqual([])
      expect(await usageOf(story)).toEqual(usage)
      const login = { email, password: 'dora has a password' }
      expect((await story.api('POST', '/api/v1/auth/login', login, { anonymous: 'yes' })).status).toBe(401)
      const members = await story.api('GET', `/api/v1/workspaces/${team.workspace}/members`, undefined, team.headers)
      expect(members.body.data.map(({ user_id }: { user_id: string }) => user_id)).toEqual([team.id])
      // The address is free again.
      const back = await story.api('POST', '/api/v1/auth/register', login, { anonymous: 'yes' })
      expect(back.status).toBe(200)
    })

    it('somebody must take over before the last owner or administrator goes', async () => {
      const fay = await registered(story, 'fay')
      const gus = await registered(story, 'gus')
      await addMember(story, fay, gus)
      const refused = await erase(fay, { anonymise: true, ...passwordOf('fay') })
      expect(refused.status).toBe(409)
      expect(refused.body.message).toContain('owner')
      // Nothing of it happened.
      expect((await story.api('GET', '/api/v1/auth/me', undefined, fay.headers)).status).toBe(200)
      const url = `/api/v1/workspaces/${fay.workspace}/members/${gus.id}`
      await story.api('PUT', url, { role: 'owner' }, fay.headers)
      expect((await erase(fay, { anonymise: true, ...passwordOf('fay') })).status).toBe(200)

      const login = { email: ownerEmail, password: ownerPassword }
      const { body } = await story.api('POST', '/api/v1/auth/login', login, { anonymous: 'yes' })
      const admin = { authorization: `Bearer ${body.data.access_token}` }
      const own = { anonymise: true, current_password: ownerPassword }
      const last = await story.api('DELETE', '/api/v1/users/me/data', own, admin)
      expect(last).toMatchObject({ status: 409 })
      expect(last.body.message).toContain('administrator')
      // An administrator of the server erases anybody.
      const word = newWord()
      await waysToSay['a stateless turn with metadata']!(story, gus, word, { app: '', workspace: fay.workspace })
      await settled(story)
      const erased = await story.api('DELETE', `/api/v1/users/${gus.id}/data`, undefined, admin)
      expect(erased).toMatchObject({ status: 200, body: { data: { user_id: gus.id, status: 'completed' } } })
      expect(await places(word)).toEqual([])
      expect((await story.api('GET', '/api/v1/auth/me', undefined, gus.headers)).status).toBe(401)
      const report = `/api/v1/erasures/${erased.body.data.id}`
      expect((await story.api('GET', report, undefined, admin)).body.data).toEqual(erased.body.data)
    })

    it('in a workspace: by who may govern its person, and there only', async () => {
      const ida = await registered(story, 'ida')
      const jon = await registered(story, 'jon')
      await addMember(story, ida, jon)
      const app = await makeBot(story, ida)
      const own = await makeBot(story, jon)
      const [here, there, others] = [newWord(), newWord(), newWord()]
      await sayEverything(jon, here, ida.workspace, app)
      await sayEverything(jon, there, jon.workspace, own)
      await sayEverything(ida, others, ida.workspace, app)
      const url = (user: string, workspace = ida.workspace) => `/api/v1/workspaces/${workspace}/members/${user}/erasure`
      expect((await story.api('POST', url(ida.id), undefined, jon.headers)).status).toBe(403)
      expect((await story.api('POST', url(jon.id), undefined, jon.headers)).status).toBe(403)
      const stranger = await registered(story, 'stranger')
      expect((await story.api('POST', url(stranger.id), undefined, ida.headers)).status).toBe(404)
      expect((await story.api('POST', url(jon.id), undefined, stranger.headers)).status).toBe(404)
      const reader = await story.api('POST', '/api/v1/api-keys', { name: 'r', scopes: ['write'] }, ida.headers)
      expect((await story.api('POST', url(jon.id), undefined, { 'x-api-key': reader.body.key })).status).toBe(403)
      const before = { there: (await places(there)).sort(), others: (await places(others)).sort() }
      const usage = await usageOf(story)

      // Also when he has left.
      await story.api('DELETE', `/api/v1/workspaces/${ida.workspace}/members/${jon.id}`, undefined, ida.headers)
      const { body } = await story.api('POST', url(jon.id), undefined, ida.headers)
      expect(body.data).toMatchObject({ status: 'completed', workspace_id: ida.workspace, user_id: jon.id })
      expect(await places(here)).toEqual([])
      expect((await places(there)).sort()).toEqual(before.there)
      expect((await places(others)).sort()).toEqual(before.others)
      expect(await usageOf(story)).toEqual(usage)
      expect((await story.api('GET', '/api/v1/auth/me', undefined, jon.headers)).status).toBe(200)
      const report = `/api/v1/erasures/${body.data.id}`
      for (const [who, status] of [
        [ida, 200],
        [jon, 200],
        [stranger, 404],
      ] as const)
        expect((await story.api('GET', report, undefined, who.headers)).status).toBe(status)
    })

    it('what visitors of a public app said is not the creator’s', async () => {
      const kim = await registered(story, 'kim')
      const app = await makeBot(story, kim)
      const token = (await story.api('GET', `/api/v1/applications/${app}`, undefined, kim.headers)).body.data
        .access_token
      const word = newWord()
      const body = { messages: [{ role: 'user', content: word }] }
      await story.api('POST', `/api/v1/chat/${token}/chat/completions`, body, { anonymous: 'yes' })
      await settled(story)
      const before = await places(word)
      expect(before).not.toEqual([])
      expect((await erase(kim, passwordOf('kim'))).body.data.removed).toEqual({})
      expect(await places(word)).toEqual(before)
    })

    it('an answer that is still being given is erased when it is there', async () => {
      const lea = await registered(story, 'lea')
      const app = await makeBot(story, lea)
      const word = newWord()
      const held = story.upstream.hold()
      held.send(`Beginning ${word}`)
      const answer = await story.post(
        `/api/v1/chat/${app}/chat/completions`,
        { stream: true, messages: [{ role: 'user', content: `Asked ${word}` }] },
        { ...lea.headers, 'x-session-id': 'being answered' },
      )
      await answer.next()
      const erased = await erase(lea, passwordOf('lea'))
      expect(erased.body.data.status).toBe('completed')
      held.send(`End ${word}`)
      held.finish()
      await settled(story)
      expect(await places(word)).not.toEqual([])
      await story.parley.parley.retention.pass()
      expect(await places(word)).toEqual([])
      expect(await keyOf(story, 'users', lea.id)).toBeGreaterThan(0)
    })

    it('is handed out to its person, whole, and to nobody else', async () => {
      const mia = await registered(story, 'mia')
      const ned = await registered(story, 'ned')
      await addMember(story, mia, ned)
      const app = await makeBot(story, mia)
      const [hers, his] = [newWord(), newWord()]
      await sayEverything(mia, hers, mia.workspace, app)
      await sayEverything(ned, his, mia.workspace, app)
      const response = await fetch(`${story.parley.url}/api/v1/users/me/export`, { headers: mia.headers })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toContain('application/x-ndjson')
      expect(response.headers.get('content-disposition')).toContain('.jsonl')
      const text = await response.text()
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string } & Record<string, unknown>)
      expect(lines[0]).toMatchObject({ type: 'export', format: 1, user_id: mia.id })
      const counts: Record<string, number> = {}
      for (const { type } of lines) counts[type] = (counts[type] ?? 0) + 1
      const { end: _, ...others } = counts
      expect(lines.at(-1)).toEqual({ type: 'end', counts: others })
      expect(counts).toMatchObject({ account: 1, membership: 1, session: 1, api_key: 1, conversation: 3, feedback: 2 })
      expect(counts.turn).toBeGreaterThanOrEqual(7)
      expect(text).toContain(hers)
      expect(text).not.toContain(his)
      for (const secret of ['$argon2', 'password', 'hash', 'parley_', 'prt_']) expect(text).not.toContain(secret)
      const turn = lines.find((line) => line.type === 'turn' && JSON.stringify(line.messages).includes(`"${hers}"`))!
      expect(turn).toMatchObject({
        workspace_id: mia.workspace,
        status: 'completed',
        messages: [{ role: 'user', parts: [{ type: 'text', text: hers }] }],
        usage: { estimated: false },
      })
      // After an erasure the turns are still hers, without a word.
      await erase(mia, passwordOf('mia'))
      const email = lines.find(({ type }) => type === 'account')!.email
      const login = { email, password: 'mia has a password' }
      const again = await story.api('POST', '/api/v1/auth/login', login, { anonymous: 'yes' })
      const headers = { authorization: `Bearer ${again.body.data.access_token}` }
      const emptied = await (await fetch(`${story.parley.url}/api/v1/users/me/export`, { headers })).text()
      expect(emptied).not.toContain(hers)
      expect(emptied.split('\n').filter((line) => line.startsWith('{"type":"turn"'))).toHaveLength(counts.turn!)
    })

    it('transcripts go with the text that they are copies of, unless something of the workspace is held', async () => {
      const lou = await registered(story, 'lou')
      const app = await makeBot(story, lou)
      await waysToSay['a named session with a key of its own']!(story, lou, newWord(), {
        app,
        workspace: lou.workspace,
      })
      await settled(story)
      const made = await story.api('POST', `/aiwb/chat/api/v7/download/?chat_bot_id=${app}`, {}, lou.headers)
      const link = made.body.file_url
      expect((await fetch(link)).status).toBe(200)
      const url = `/api/v1/workspaces/${lou.workspace}`
      const hold = await story.api('POST', `${url}/holds`, { reason: 'x', application_id: app }, lou.headers)
      const member = `${url}/members/${lou.id}/erasure`
      expect((await story.api('POST', member, undefined, lou.headers)).body.data.kept).toMatchObject({ files: 1 })
      expect((await fetch(link)).status).toBe(200)
      await story.api('DELETE', `${url}/holds/${hold.body.data.id}`, undefined, lou.headers)
      await story.parley.parley.retention.pass()
      expect((await fetch(link)).status).toBe(404)
    })

    it('a token of one workspace hands out and erases what is there', async () => {
      const oda = await registered(story, 'oda')
      const { email } = (await story.api('GET', '/api/v1/auth/me', undefined, oda.headers)).body.data
      const made = await story.api('POST', '/api/v1/workspaces', { name: 'Second' }, oda.headers)
      const [first, second] = [newWord(), newWord()]
      const say = waysToSay['a stateless turn with metadata']!
      await say(story, oda, first, { app: '', workspace: oda.workspace })
      await say(story, oda, second, { app: '', workspace: made.body.data.id })
      await settled(story)
      const login = { username: email, password: 'oda has a password', tenant_code: made.body.data.code }
      const grant = await story.api('POST', '/aiwb/auth/api/v2/login', login, { anonymous: 'yes' })
      const headers = { authorization: `Bearer ${grant.body.data.access_token}` }
      const text = await (await fetch(`${story.parley.url}/api/v1/users/me/export`, { headers })).text()
      expect(text).toContain(second)
      expect(text).not.toContain(first)
      const whole = await story.api(
        'DELETE',
        '/api/v1/users/me/data',
        { anonymise: true, ...passwordOf('oda') },
        headers,
      )
      expect(whole.status).toBe(403)
      const part = await story.api('DELETE', '/api/v1/users/me/data', passwordOf('oda'), headers)
      expect(part.body.data).toMatchObject({ status: 'completed', workspace_id: made.body.data.id })
      expect(await places(second)).toEqual([])
      expect(await places(first)).not.toEqual([])
    })
  })
