import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { askBot, postKadal } from '#test/support/kadal-client.ts'
import { addMember, registered } from '#test/support/people.ts'
import { useStory } from '#test/support/story.ts'

for (const kind of databaseKinds)
  describe(`feedback on ${kind}`, () => {
    const story = useStory(kind)

    async function house() {
      const owner = await registered(story, 'owner')
      const member = await registered(story, 'member')
      await addMember(story, owner, member)
      const inside = { ...member.headers, 'x-workspace-id': owner.workspace }
      const made = await story.api('POST', '/api/v1/applications', { name: '=Bot', model: 'gpt-sim' }, owner.headers)
      return { owner, member, inside, bot: made.body.data.id as string }
    }
    async function give(body: unknown, headers: Record<string, string> = {}) {
      const answer = await postKadal(story, '/v3/feedbacks', {}, body, headers)
      const [line] = await answer.all().catch((thrown: Error) => [JSON.parse(thrown.message.replace(/^.*?line: /, ''))])
      return { status: answer.status, body: line as unknown as Record<string, unknown> }
    }

    it('is taken as the document’s example gives it', async () => {
      const { bot, owner } = await house()
      const given = await give(
        {
          chatbotId: bot,
          consumerId: 12,
          keycloakConsumerId: crypto.randomUUID(),
          tenantId: 3,
          keycloakTenantId: crypto.randomUUID(),
          reason: 'other',
          details: 'The answer was helpful',
          user_query_id: 42,
          query: 'What is this?',
          metadata: { source: 'web', version: '1.0' },
        },
        owner.headers,
      )
      expect(given.status).toBe(201)
      expect(given.body).toStrictEqual({
        status: 'success',
        message: 'Feedback submitted successfully',
        document_id: expect.stringMatching(/^[0-9a-f]{24}$/),
      })
      const { body } = await story.api('GET', '/api/v1/feedback', undefined, owner.headers)
      expect(body.data).toMatchObject([
        {
          document_id: given.body.document_id,
          application_id: bot,
          turn_id: null,
          is_positive: null,
          reason: 'other',
          details: 'The answer was helpful',
          query: 'What is this?',
          given: { consumerId: 12, tenantId: 3, user_query_id: 42, metadata: { source: 'web', version: '1.0' } },
        },
      ])
      for (const sparse of [{}, { reason: null, details: null, metadata: null }, { reason: 'pre-defined' }])
        expect((await give(sparse, owner.headers)).status).toBe(201)
    })

    it('is refused in the document’s words', async () => {
      const { bot, owner } = await house()
      for (const bad of [
        { chatbotId: 'no-uuid' },
        { chatbotId: 7 },
        { consumerId: 'twelve' },
        { consumerId: 1.5 },
        { consumerId: 1e300 },
        { keycloakConsumerId: 'x' },
        { tenantId: true },
        { reason: 'because' },
        { details: 'x'.repeat(1001) },
        { details: 'nul \0' },
        { query: 'x'.repeat(501) },
        { user_query_id: {} },
        { metadata: 'web' },
        { metadata: { source: 1 } },
        [],
        'text',
        null,
      ]) {
        const answer = await give(bad, owner.headers)
        expect(answer.status, JSON.stringify(bad)).toBe(400)
        expect(answer.body, JSON.stringify(bad)).toStrictEqual({
          status_code: 400,
          message: 'Invalid request format',
          error: 'VALIDATION_ERROR',
        })
      }
      const stranger = await registered(story, 'stranger')
      expect(await give({ chatbotId: bot }, stranger.headers)).toMatchObject({
        status: 404,
        body: { status_code: 404, error: 'NOT_FOUND_ERROR' },
      })
      for (const who of [owner, stranger])
        expect((await story.api('GET', '/api/v1/feedback', undefined, who.headers)).body.data).toEqual([])
    })

    it('on a turn is one a person, the last one, of who may see it', async () => {
      const { bot, owner, inside } = await house()
      const { id } = await askBot(story, bot, 'Hi', { headers: inside })
      const rate = (body: object, headers: Record<string, string>) =>
        story.api('POST', `/api/v1/turns/${id}/feedback`, body, headers)
      const first = await rate({ is_positive: false, reason: 'wrong', details: 'Not so' }, inside)
      expect(first.body.data).toMatchObject({
        is_positive: false,
        reason: 'wrong',
        details: 'Not so',
        model: 'gpt-sim',
      })
      const second = await rate({ is_positive: true }, inside)
      expect(second.body.data).toMatchObject({ id: first.body.data.id, is_positive: true, reason: null, details: null })
      await rate({ is_positive: false }, owner.headers)
      const list = async (query = '') =>
        (await story.api('GET', `/api/v1/feedback${query}`, undefined, owner.headers)).body.data
      expect(await list()).toMatchObject([{ is_positive: false }, { is_positive: true }])
      expect(await list('?is_positive=true')).toMatchObject([{ is_positive: true }])
      expect(await list(`?application_id=${bot}&limit=1`)).toHaveLength(1)
      expect(await list(`?before=${(await list())[0].id}`)).toMatchObject([{ is_positive: true }])
      expect(await list('?from=2000-01-01&to=2001-01-01')).toEqual([])
      expect((await rate({ is_positive: null }, inside)).body.data).toBeNull()
      expect(await list()).toMatchObject([{ is_positive: false }])

      const stranger = await registered(story, 'stranger')
      expect((await rate({ is_positive: true }, stranger.headers)).status).toBe(404)
      for (const bad of [{}, { is_positive: 'yes' }, { is_positive: true, details: 'x'.repeat(10_001) }])
        expect((await rate(bad, owner.headers)).status).toBeOneOf([400, 422])
      expect(await list()).toMatchObject([{ is_positive: false }])
    })

    it('is listed on from where one was, also when that one has been taken back', async () => {
      const { bot, owner } = await house()
      const rate = async (turn: string, is_positive: boolean | null) =>
        (await story.api('POST', `/api/v1/turns/${turn}/feedback`, { is_positive }, owner.headers)).body.data
      const given: { turn: string; id: string }[] = []
      for (const word of ['a', 'b', 'c', 'd']) {
        const turn = (await askBot(story, bot, word, { headers: owner.headers })).id
        given.unshift({ turn, id: (await rate(turn, true)).id })
      }
      const page = async (query: string) => {
        const { body } = await story.api('GET', `/api/v1/feedback?limit=2${query}`, undefined, owner.headers)
        return body.data.map(({ id }: { id: string }) => id)
      }
      const ids = given.map(({ id }) => id)
      expect(await page('')).toEqual(ids.slice(0, 2))
      await rate(given[1]!.turn, null)
      expect(await page(`&before=${ids[1]}`)).toEqual(ids.slice(2))
      await rate(given[3]!.turn, null)
      expect(await page(`&before=${ids[3]}`)).toEqual([])
    })

    it('is read by administrators only, and counted by app and model', async () => {
      const { bot, owner, inside } = await house()
      for (const is_positive of [true, true, false]) {
        const { id } = await askBot(story, bot, 'Hi', { headers: inside })
        await story.api('POST', `/api/v1/turns/${id}/feedback`, { is_positive }, inside)
      }
      await give({ details: 'in general' }, owner.headers)
      for (const path of ['', '/export', '/counts'])
        expect((await story.api('GET', `/api/v1/feedback${path}`, undefined, inside)).status).toBe(403)
      const counts = await story.api('GET', '/api/v1/feedback/counts', undefined, owner.headers)
      expect(counts.body.data).toEqual([
        { application_id: bot, application_name: '=Bot', model: 'gpt-sim', positive: 2, negative: 1, neither: 0 },
        { application_id: null, application_name: null, model: null, positive: 0, negative: 0, neither: 1 },
      ])
    })

    it('is handed out as CSV that no spreadsheet runs, and as JSON lines', async () => {
      const { owner } = await house()
      for (const details of ['=HYPERLINK("http://evil.example";"x")', 'two\r\nlines, "quoted"', '한국어'])
        await give({ details, query: '+1' }, owner.headers)
      const file = async (format: string) => {
        const response = await fetch(`${story.parley.url}/api/v1/feedback/export?format=${format}`, {
          headers: owner.headers,
        })
        expect(response.headers.get('content-disposition')).toContain(`feedback.${format}`)
        return response.text()
      }
      const csv = await file('csv')
      expect(csv.split('\r\n')[0]).toMatch(/^id,document_id,user_id,application_id,turn_id,/)
      expect(csv).toContain(`"'=HYPERLINK(""http://evil.example"";""x"")"`)
      expect(csv).toContain('"two\r\nlines, ""quoted"""')
      expect(csv).toContain("한국어,'+1,")
      expect(csv).not.toMatch(/(^|,)"?[=+@]/m)
      const lines = (await file('jsonl')).trimEnd().split('\n')
      expect(lines.map((line) => JSON.parse(line).details)).toEqual([
        '한국어',
        'two\r\nlines, "quoted"',
        '=HYPERLINK("http://evil.example";"x")',
      ])
    })

    it('is handed out whole, however much there is', async () => {
      const { owner } = await house()
      const { read, write } = story.parley.parley.database
      const row = (await read.selectFrom('users').select('id').where('public_id', '=', owner.id).executeTakeFirst())!
      const place = (await read
        .selectFrom('workspaces')
        .select('id')
        .where('public_id', '=', owner.workspace)
        .executeTakeFirst())!
      const values = Array.from({ length: 1100 }, (_, index) => ({
        public_id: crypto.randomUUID(),
        workspace_id: place.id,
        user_id: row.id,
        app_id: null,
        turn_id: null,
        model: null,
        is_positive: null,
        reason: null,
        details: `number ${index}`,
        query: null,
        given: '{}',
        created_at: index,
        updated_at: index,
      }))
      for (let at = 0; at < values.length; at += 100)
        await write((tx) =>
          tx.db
            .insertInto('feedback')
            .values(values.slice(at, at + 100))
            .execute(),
        )
      const response = await fetch(`${story.parley.url}/api/v1/feedback/export?format=jsonl`, {
        headers: owner.headers,
      })
      const numbers = (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).details)
      expect(numbers).toEqual(values.map(({ details }) => details).reverse())
    })
  })
