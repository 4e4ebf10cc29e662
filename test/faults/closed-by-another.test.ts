import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { query } from '#test/support/ledger.ts'
import { useStory } from '#test/support/story.ts'
import { until } from '#test/support/until.ts'

// An embedded database has no other process.
describe.runIf(databaseKinds.includes('postgres'))('a turn that another process has closed', () => {
  const story = useStory('postgres')

  async function running(): Promise<string | undefined> {
    const { url, headers } = story.parley
    const text = await (await fetch(`${url}/metrics`, { headers })).text()
    return /^parley_turns_running (\d+)/m.exec(text)?.[1]
  }

  it('is told to be interrupted, runs no longer, and stays as the other one left it', async () => {
    const { home } = story.parley
    const reply = story.upstream.hold()
    const messages = [{ role: 'user', content: 'Well?' }]
    const asked = story.post('/v1/chat/completions', { model: 'gpt-sim', stream: true, messages })
    await reply.request
    reply.send('Half an ')
    const stream = await asked
    await stream.until(({ data }) => data.includes('Half'))
    await until(async () => (await query(home, 'select id from turns')).length === 1)
    expect(await running()).toBe('1')
    // As a reaper that took this process for dead.
    await query(home, `update turns set status = 'interrupted', ended_at = 1`)
    reply.send('answer')
    reply.finish()
    const rest = await stream.all()
    expect(rest.at(-1)?.data).toContain('interrupted')
    expect(rest.some(({ data }) => data === '[DONE]')).toBe(false)
    await until(async () => (await running()) === '0')
    expect(await query(home, 'select status from turns')).toEqual([{ status: 'interrupted' }])
    expect(await query(home, 'select turn_id from turn_outputs')).toEqual([])
  })
})
