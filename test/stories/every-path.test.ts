import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startParley } from '#test/support/parley.ts'

/** Where no door is, and before one is reached. */
describe('every path', () => {
  let parley: Awaited<ReturnType<typeof startParley>>
  beforeAll(async () => {
    parley = await startParley()
  })
  afterAll(() => parley?.close())

  const post = (path: string, body: string) =>
    fetch(parley.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

  it.each([
    ['/v1/nowhere', { error: { type: 'not_found_error' } }],
    ['/api/v1/nowhere', { status: 'error', code: 404, data: null }],
    ['/health', { status: 'error', code: 404, data: null }],
  ])('%s is not found in the shape of the doors around it, also with a broken body', async (path, shape) => {
    const answer = await post(path, '{"a":')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject(shape)
  })

  it('tells the limit with least left, whosever it is', async () => {
    const limited = await startParley({
      env: { PARLEY_LIMITS: 'on', PARLEY_LIMIT_IP: '5/min', PARLEY_LIMIT_USER: '600/min' },
    })
    const left: (string | null)[] = []
    for (let request = 0; request < 5; request++) {
      const { headers } = await fetch(`${limited.url}/v1/models`, { headers: limited.headers })
      left.push(headers.get('x-ratelimit-remaining'))
    }
    expect(left).toEqual(['4', '3', '2', '1', '0'])
    for (const path of ['/v1/nowhere', '/health', '/api/v1/nowhere']) {
      const refused = await fetch(limited.url + path)
      expect(refused.status, path).toBe(429)
      expect(Number(refused.headers.get('retry-after')), path).toBeGreaterThan(0)
      expect(await refused.json(), path).not.toHaveProperty('statusCode')
    }
    await limited.close()
  })
})
