import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { addMember, registered, type StoryPerson } from '#test/support/people.ts'
import { makeBot, newWord, settled, usageOf, waysToSay } from '#test/support/said-everywhere.ts'
import { useStory } from '#test/support/story.ts'
import { placesOf } from '#test/support/text-columns.ts'

/** What two people say, where, in which order, and who then wants it gone from where. */
const saying = fc.record({
  who: fc.constantFrom('ann' as const, 'bob' as const),
  where: fc.constantFrom('ann' as const, 'bob' as const),
  how: fc.constantFrom(...Object.keys(waysToSay)),
})
const script = fc.record({
  sayings: fc.array(saying, { minLength: 1, maxLength: 8 }),
  erased: fc.constantFrom('ann' as const, 'bob' as const),
  everywhere: fc.boolean(),
  anonymise: fc.boolean(),
})

for (const kind of databaseKinds)
  describe(`whatever was said, on ${kind}`, () => {
    const story = useStory(kind)

    it('an erasure removes every word of its person from its place, and nothing else; no sum changes', async () => {
      await fc.assert(
        fc.asyncProperty(script, async ({ sayings, erased, everywhere, anonymise }) => {
          const people = { ann: await somebody('ann'), bob: await somebody('bob') }
          // Both are in both workspaces, with owners who stay.
          for (const one of Object.values(people)) {
            const keeper = await registered(story, 'keeper')
            await addMember(story, one, keeper, 'owner')
          }
          await addMember(story, people.ann, people.bob)
          await addMember(story, people.bob, people.ann)
          /** Said by whom and where → word. */
          const words = new Map<string, string>()
          for (const { who, where, how } of sayings) {
            const name = `${who} ${where}`
            const word = words.get(name) ?? newWord()
            words.set(name, word)
            const { app, workspace } = people[where]
            await waysToSay[how]!(story, people[who], word, { app, workspace })
          }
          await settled(story)
          const usage = await usageOf(story)
          const before = new Map<string, string[]>()
          for (const [name, word] of words)
            before.set(name, (await placesOf(story.parley.parley.database, word)).sort())

          const where = people[erased].workspace
          const password = { current_password: `${erased} has a password` }
          const answer = everywhere
            ? await story.api('DELETE', '/api/v1/users/me/data', { anonymise, ...password }, people[erased].headers)
            : await story.api(
                'POST',
                `/api/v1/workspaces/${where}/members/${people[erased].id}/erasure`,
                undefined,
                people[erased].headers,
              )
          expect(answer.body.data).toMatchObject({ status: 'completed', kept: {} })
          for (const [name, word] of words) {
            const gone = name.startsWith(`${erased} `) && (everywhere || name === `${erased} ${erased}`)
            const found = (await placesOf(story.parley.parley.database, word)).sort()
            expect(found, `${name}: ${word}`).toEqual(gone ? [] : before.get(name))
          }
          expect(await usageOf(story)).toEqual(usage)
        }),
        { numRuns: 8 },
      )
    }, 120_000)

    async function somebody(name: string): Promise<StoryPerson & { app: string }> {
      const person = await registered(story, name)
      return { ...person, app: await makeBot(story, person) }
    }
  })
