import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { type ChatDoor, chatDoors } from './doors.ts'
import { makeWorld, type World } from './world.ts'

/** A valid body that uses much of what may be said. */
const rich = {
  messages: [
    { role: 'system', content: 'Be brief' },
    { role: 'user', content: [{ type: 'text', text: 'hello' }], name: 'somebody' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'done' },
    { role: 'user', content: 'and now?', attachments: [{ filename: 'a.txt', fileType: 'txt', size: 1 }] },
  ],
  stream: false,
  stream_options: { include_usage: true },
  temperature: 1,
  top_p: 0.5,
  max_tokens: 10,
  stop: ['x'],
  seed: 1,
  n: 1,
  tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
  tool_choice: 'auto',
  response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } },
  metadata: { a: 'b' },
  user: 'u',
  logit_bias: { 1: 2 },
}

type Path = (string | number)[]

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [at, ...Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, [...at, name]))]
}

/** A copy with another value at `path`; undefined takes it out. */
function withValue(body: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  const copy: Record<string | number, unknown> = Array.isArray(body) ? ([...body] as never) : { ...(body as object) }
  copy[step] = withValue(copy[step], rest, value)
  return copy
}

const junk = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    1e9,
    1e308,
    -0,
    2 ** 53,
    '',
    'true',
    '1',
    [],
    {},
    [[]],
    { type: 'text' },
    '\0',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 5 }).map((name) => ({ [name]: name })),
)
const mutations = fc.array(fc.tuple(fc.constantFrom(...pathsOf(rich).slice(1)), junk), { minLength: 1, maxLength: 3 })

for (const kind of databaseKinds)
  describe(`any body on ${kind}`, () => {
    let world: World
    let doors: ChatDoor[]

    beforeAll(async () => {
      world = await makeWorld(kind)
      const alice = await world.person('alice')
      const { app } = await world.belongings(alice, 'alice-alone')
      doors = chatDoors(alice, app)
    })
    afterAll(() => world?.close())

    it('is answered or refused in the door’s shape; a refusal writes nothing', async () => {
      let refused = 0
      let answered = 0
      await fc.assert(
        fc.asyncProperty(mutations, fc.nat(1), async (changes, index) => {
          const door = doors[index]!
          let body: unknown = { ...door.valid, ...rich }
          // A change may have taken away what another one would change.
          for (const [path, value] of changes)
            try {
              body = withValue(body, path, value)
            } catch {}
          const before = await world.counts()
          const answer = await world.ask('POST', door.url, { headers: door.headers, body })
          if (answer.status === 200) {
            answered++
            return
          }
          refused++
          expect(answer.status, answer.text).toBeGreaterThanOrEqual(400)
          expect(answer.status, answer.text).toBeLessThan(500)
          const message = door.name === '/v1' ? answer.json.error.message : answer.json.message
          expect(message, answer.text).toMatch(/\S/)
          expect(message).not.toContain('anyOf')
          expect(await world.counts(), answer.text).toEqual(before)
        }),
        // About one in seven is answered: enough runs that chance cannot keep either below its bound.
        { numRuns: 600 },
      )
      // The changes are neither all harmless nor all fatal, so that both sides are seen.
      expect(refused).toBeGreaterThan(30)
      expect(answered).toBeGreaterThan(30)
    })
  })
