import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { query } from '#test/support/ledger.ts'
import { makeHome, startParley } from '#test/support/parley.ts'
import { postSse } from '#test/support/sse-client.ts'
import { until } from '#test/support/until.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'

// An embedded database has no other process.
describe.runIf(databaseKinds.includes('postgres'))('a turn that another process has closed', () => {
  let upstream: Upstream
  const cleanUps: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
  })
  afterAll(() => upstream.close())
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  it('is told to be interrupted, runs no longer, and stays as the other one left it', async () => {
    const home = await makeHome('postgres')
    cleanUps.push(home.remove)
    const parley = await startParley({ home, upstreamUrl: upstream.url })
    cleanUps.push(parley.close)
    const running = async () =>
      /^parley_turns_running (\d+)/m.exec(
        await (await fetch(`${parley.url}/metrics`, { headers: parley.headers })).text(),
      )?.[1]
    const reply = upstream.hold()
    const body = { model: 'gpt-sim', stream: true, messages: [{ role: 'user', content: 'Well?' }] }
    const asked = postSse(`${parley.url}/v1/chat/completions`, parley.headers, body)
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
    expect(await query(home, 'select status, ended_at from turns')).toMatchObject([
      { status: 'interrupted', ended_at: expect.anything() },
    ])
    expect(await query(home, 'select turn_id from turn_outputs')).toEqual([])
  })
})
