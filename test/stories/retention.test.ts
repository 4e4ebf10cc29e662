import { describe, expect, it } from 'vitest'
import { uuidv7 } from '#lib/uuid.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { query } from '#test/support/ledger.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { makeBot, newWord, settled, usageOf, waysToSay } from '#test/support/said-everywhere.ts'
import { useStory } from '#test/support/story.ts'
import { placesOf } from '#test/support/text-columns.ts'

const dayMs = 86_400_000

for (const kind of databaseKinds)
  describe(`how long text is kept on ${kind}`, () => {
    const clock = { now: Date.now() }
    const story = useStory(kind, { overrides: { now: () => clock.now } })
    const places = (text: string) => placesOf(story.parley.parley.database, text)
    const pass = () => story.parley.parley.retention.pass()

    /** Somebody with a workspace and an app of his own, and a key that outlives his login. */
    async function someone(name: string): Promise<StoryPerson & { app: string; login: Record<string, string> }> {
      const person = await registered(story, name)
      const { key } = (await story.api('POST', '/api/v1/api-keys', { name: 'key' }, person.headers)).body
      const headers = { 'x-api-key': key }
      return { ...person, login: person.headers, headers, app: await makeBot(story, { ...person, headers }) }
    }
    const say = (who: StoryPerson & { app: string }, way: string, word: string) =>
      waysToSay[way]!(story, who, word, { app: who.app, workspace: who.workspace })
    async function sayEverything(who: StoryPerson & { app: string }, word: string): Promise<void> {
      for (const way of Object.keys(waysToSay)) await say(who, way, word)
      await settled(story)
    }
    const url = (who: StoryPerson, rest: string) => `/api/v1/workspaces/${who.workspace}/${rest}`
    const keep = (who: StoryPerson, days: number | null) =>
      story.api('PUT', url(who, 'retention'), { retention_days: days }, who.headers)
    const chat = (who: StoryPerson & { app: string }, session: string, content: string) =>
      story.api(
        'POST',
        `/api/v1/chat/${who.app}/chat/completions`,
        { messages: [{ role: 'user', content }] },
        { ...who.headers, 'x-session-id': session },
      )

    it('is for ever, until an owner or administrator says otherwise', async () => {
      const ann = await someone('ann')
      const ben = await registered(story, 'ben')
      await addMember(story, ann, ben)
      const look = (headers: Record<string, string>) => story.api('GET', url(ann, 'retention'), undefined, headers)
      expect((await look(ann.headers)).body.data).toEqual({ retention_days: null })
      const set = (days: unknown, headers: Record<string, string>) =>
        story.api('PUT', url(ann, 'retention'), { retention_days: days }, headers)
      for (const days of [0, -1, 1.5, 36_501, '30', true, undefined]) {
        const refused = await set(days, ann.headers)
        expect([400, 422], String(days)).toContain(refused.status)
        expect(refused.body.message).toContain('retention_days')
      }
      expect((await set(30, ben.headers)).status).toBe(403)
      const narrow = await story.api('POST', '/api/v1/api-keys', { name: 'r', scopes: ['read', 'write'] }, ann.headers)
      expect((await set(30, { 'x-api-key': narrow.body.key })).status).toBe(403)
      expect((await set(30, ann.headers)).body.data).toEqual({ retention_days: 30 })
      expect((await look(ben.headers)).body.data).toEqual({ retention_days: 30 })
      expect((await set(null, ann.headers)).body.data).toEqual({ retention_days: null })
    })

    it('then what is older goes, everywhere, and nothing else', async () => {
      const cid = await someone('cid')
      const other = await someone('other')
      const [old, kept, others] = [newWord(), newWord(), newWord()]
      await sayEverything(cid, old)
      await sayEverything(other, others)
      expect((await chat(cid, 'goes on', `Title ${old}`)).status).toBe(200)
      clock.now += 31 * dayMs
      await sayEverything(cid, kept)
      expect((await chat(cid, 'goes on', `Later ${kept}`)).status).toBe(200)
      await settled(story)
      const usage = await usageOf(story)
      const before = { kept: (await places(kept)).sort(), others: (await places(others)).sort() }
      expect((await keep(cid, 30)).status).toBe(200)
      await pass()
      // What people call their keys is no text of a turn.
      expect((await places(old)).map((place) => place.split(':')[0]).sort()).toEqual([
        'api_keys.description',
        'api_keys.name',
      ])
      expect((await places(kept)).sort()).toEqual(before.kept)
      expect((await places(others)).sort()).toEqual(before.others)
      expect(await usageOf(story)).toEqual(usage)

      const listed = await story.api('GET', `/api/v1/chat/sessions?application_id=${cid.app}`, undefined, cid.headers)
      const session = listed.body.data.find((one: { session_id: string }) => one.session_id === 'goes on')
      expect(session.title).toBe('')
      const messages = await story.api('GET', `/api/v1/chat/sessions/${session.id}/messages`, undefined, cid.headers)
      const contents = messages.body.data.map(({ content }: { content: string }) => content)
      expect(contents).toEqual([`Later ${kept}`, `You said: Later ${kept}`])
      // The model is shown no more either, and the conversation goes on.
      expect((await chat(cid, 'goes on', 'And now?')).status).toBe(200)
      expect(JSON.stringify(story.upstream.requests.at(-1)!.body)).not.toContain(old)

      clock.now += 31 * dayMs
      await pass()
      expect((await places(kept)).map((place) => place.split('.')[0])).toEqual(['api_keys', 'api_keys'])
      expect((await places(others)).length).toBe(before.others.length)
      expect(await query(story.parley.home, `select id from conversations where external_id = 'goes on'`)).toEqual([])
    })

    it('what was said by a clock that was wrong keeps nothing longer, also itself', async () => {
      const fay = await someone('fay')
      const [early, ahead, late] = [newWord(), newWord(), newWord()]
      const realNow = clock.now
      const titled = (title: string) =>
        story.api('POST', '/api/v1/chat/sessions', { application_id: fay.app, title }, fay.headers)
      await chat(fay, 'one', early)
      clock.now = realNow + 3650 * dayMs
      await say(fay, 'something that a guardrail noted', ahead)
      await titled(ahead)
      await settled(story)
      clock.now = realNow
      await chat(fay, 'two', late)
      await titled(late)
      await settled(story)
      expect((await keep(fay, 30)).status).toBe(200)
      await pass()
      for (const word of [early, ahead, late]) expect(await places(word)).not.toEqual([])
      clock.now += 31 * dayMs
      await pass()
      for (const word of [early, ahead, late]) expect(await places(word)).toEqual([])
    })

    it('a turn looks as it cost, without a word', async () => {
      const dan = await someone('dan')
      const word = newWord()
      const said = await chat(dan, 'one', word)
      const id = said.headers.get('x-turn-id')
      const look = async () => (await story.api('GET', `/api/v1/turns/${id}`, undefined, dan.headers)).body.data
      const before = await look()
      await settled(story)
      clock.now += 2 * dayMs
      await keep(dan, 1)
      await pass()
      const { metadata: _, ...rest } = before
      expect(await look()).toEqual({ ...rest, text: '', parts: [] })
      const events = await story.read(`/api/v1/turns/${id}/events`, dan.headers)
      const all = (await events.all()).map(({ event }) => event)
      expect(all).toEqual(['turn-start', 'turn-end'])
    })

    it('an answer that takes longer than text is kept is not passed over', async () => {
      const eli = await someone('eli')
      const word = newWord()
      const held = story.upstream.hold()
      held.send(`Beginning ${word}`)
      const answer = await story.post(
        `/api/v1/chat/${eli.app}/chat/completions`,
        { stream: true, messages: [{ role: 'user', content: word }] },
        { ...eli.headers, 'x-session-id': 'long' },
      )
      await answer.next()
      clock.now += 2 * dayMs
      const later = newWord()
      await chat(eli, 'short', later)
      clock.now += 2 * dayMs
      await keep(eli, 1)
      await pass()
      held.finish()
      await answer.all()
      await settled(story)
      expect(await places(word)).not.toEqual([])
      await pass()
      expect([...(await places(word)), ...(await places(later))]).toEqual([])
    })

    it('a policy that is taken back removes nothing more', async () => {
      const flo = await someone('flo')
      for (let count = 0; count < 250; count++) await bareTurn(flo)
      clock.now += 2 * dayMs
      await keep(flo, 1)
      const answered = await keep(flo, null)
      expect(answered.status).toBe(200)
      const left = await leftOf(flo)
      await pass()
      expect(await leftOf(flo)).toBe(left)
      await keep(flo, 1)
      await pass()
      expect(await leftOf(flo)).toBe(0)
    })

    /** A turn that ended now, with as little as it can have. */
    async function bareTurn(who: StoryPerson): Promise<void> {
      const { database } = story.parley.parley
      const at = clock.now
      const ids = await database.read
        .selectFrom('workspaces as w')
        .innerJoin('memberships as m', 'm.workspace_id', 'w.id')
        .select(['w.id as workspace_id', 'm.user_id'])
        .where('w.public_id', '=', who.workspace)
        .executeTakeFirstOrThrow()
      await database.write(async (tx) => {
        const { id } = await tx.db
          .insertInto('turns')
          .values({
            ...ids,
            public_id: uuidv7(at),
            app_id: null,
            conversation_id: null,
            key_id: null,
            door: 'openai',
            status: 'completed',
            model: 'gpt-sim',
            upstream: 'openai',
            process_id: 'p',
            reserved_micros: 0,
            input_tokens: 1,
            output_tokens: 1,
            cached_input_tokens: 0,
            reasoning_tokens: 0,
            estimated: 0,
            cost_micros: 0,
            finish_reason: 'stop',
            error: null,
            metadata: null,
            created_at: at,
            ended_at: at,
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        await tx.db.insertInto('turn_inputs').values({ turn_id: id, messages: '[]' }).execute()
      })
    }
    async function leftOf(who: StoryPerson): Promise<number> {
      const rows = await query(
        story.parley.home,
        `select i.turn_id from turn_inputs i join turns t on t.id = i.turn_id join workspaces w on w.id = t.workspace_id
         where w.public_id = '${who.workspace}'`,
      )
      return rows.length
    }

    describe('a hold', () => {
      const place = (who: StoryPerson, body: object) => story.api('POST', url(who, 'holds'), body, who.headers)
      const lift = (who: StoryPerson, id: string, headers = who.headers) =>
        story.api('DELETE', url(who, `holds/${id}`), undefined, headers)

      it('is placed and seen by administrators, and lifted by an owner', async () => {
        const gil = await someone('gil')
        const [admin, member] = [await registered(story, 'admin'), await registered(story, 'member')]
        await addMember(story, gil, admin, 'admin')
        await addMember(story, gil, member)
        expect((await place({ ...gil, headers: member.headers }, { reason: 'x' })).status).toBe(403)
        for (const body of [{}, { reason: '' }, { reason: 7 }, { reason: ' ' }])
          expect((await place(gil, body)).body.message).toContain('reason')
        for (const more of [{ application_id: crypto.randomUUID() }, { session_id: 'x' }])
          expect((await place(gil, { reason: 'x', ...more })).status).toBe(404)
        const made = await place({ ...gil, headers: admin.headers }, { reason: 'Case 7', application_id: gil.app })
        expect(made.body.data).toEqual({
          id: expect.any(String),
          reason: 'Case 7',
          application_id: gil.app,
          session_id: null,
          created_by: admin.id,
          created_at: new Date(clock.now).toISOString(),
          lifted_at: null,
        })
        const { id } = made.body.data
        const list = (headers: Record<string, string>) => story.api('GET', url(gil, 'holds'), undefined, headers)
        expect((await list(gil.headers)).body.data).toEqual([made.body.data])
        expect((await list(member.headers)).status).toBe(403)
        expect((await lift(gil, id, admin.headers)).status).toBe(403)
        expect((await lift(gil, id)).status).toBe(200)
        expect((await lift(gil, id)).status).toBe(404)
        expect((await list(gil.headers)).body.data[0].lifted_at).not.toBeNull()
      })

      const holds: [string, (who: { app: string; session: string }) => object][] = [
        ['on the workspace', () => ({})],
        ['on an app', ({ app }) => ({ application_id: app })],
        ['on a conversation', ({ session }) => ({ session_id: session })],
      ]
      for (const [name, what] of holds)
        it(`${name} keeps what it covers, from age and from erasure, and says so`, async () => {
          const hal = await someone('hal')
          const [held, free] = [newWord(), newWord()]
          await chat(hal, 'held', held)
          const other = { ...hal, app: await makeBot(story, hal) }
          await chat(other, 'free', free)
          await settled(story)
          const sessions = await story.api('GET', '/api/v1/chat/sessions', undefined, hal.headers)
          const session = sessions.body.data.find((one: { session_id: string }) => one.session_id === 'held').id
          const made = await place(hal, { reason: 'Case 8', ...what({ app: hal.app, session }) })
          const all = (await places(held)).sort()
          expect(all.map((one) => one.split('.')[0])).toContain('history_texts')

          clock.now += 2 * dayMs
          await keep(hal, 1)
          await pass()
          expect((await places(held)).sort()).toEqual(all)
          const whole = name === 'on the workspace'
          expect((await places(free)).length > 0).toBe(whole)

          const erased = await story.api('POST', url(hal, `members/${hal.id}/erasure`), undefined, hal.headers)
          expect(erased.body.data).toMatchObject({
            status: 'completed',
            held: true,
            kept: { turns: whole ? 2 : 1, conversations: whole ? 2 : 1 },
          })
          expect((await places(held)).sort()).toEqual(all)

          // His key is revoked; he logs in again to lift it.
          const email = (await query(story.parley.home, `select email from users where public_id = '${hal.id}'`))[0]!
            .email
          const login = { email, password: 'hal has a password' }
          const again = await story.api('POST', '/api/v1/auth/login', login, { anonymous: 'yes' })
          const headers = { authorization: `Bearer ${again.body.data.access_token}` }
          expect((await lift(hal, made.body.data.id, headers)).status).toBe(200)
          await pass()
          expect([...(await places(held)), ...(await places(free))]).toEqual([])
          const report = `/api/v1/erasures/${erased.body.data.id}`
          const after = (await story.api('GET', report, undefined, headers)).body.data
          expect(after).toMatchObject({ status: 'completed', held: false, kept: {} })
        })

      it('that was answered stops what is under way', async () => {
        const ivy = await someone('ivy')
        for (let count = 0; count < 450; count++) await bareTurn(ivy)
        clock.now += 2 * dayMs
        await keep(ivy, 1)
        expect((await place(ivy, { reason: 'Now' })).status).toBe(200)
        const left = await leftOf(ivy)
        await pass()
        expect(await leftOf(ivy)).toBe(left)
      })

      it('keeps an account from becoming anonymous', async () => {
        const jan = await registered(story, 'jan')
        const kai = await registered(story, 'kai')
        await addMember(story, jan, kai)
        const made = await place(jan, { reason: 'Case 9' })
        const erase = (body: object) => story.api('DELETE', '/api/v1/users/me/data', body, kai.headers)
        const anonymous = { anonymise: true, current_password: 'kai has a password' }
        const refused = await erase(anonymous)
        expect(refused.status).toBe(409)
        expect(refused.body.message).toContain('hold')
        expect((await lift(jan, made.body.data.id)).status).toBe(200)
        expect((await erase(anonymous)).status).toBe(200)
      })
    })
  })
