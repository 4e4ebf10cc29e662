import { describe, expect, it } from 'vitest'
import { house } from './house-for-test.ts'

describe('who is there', () => {
  it('is counted, whatever the session is called', async () => {
    const { open, all } = await house()
    const sockets = [await open('/door/a'), await open('/door/a'), await open('/door/__proto__')]
    const stats = all.stats()
    expect(stats).toMatchObject({ total_connections: 3, active_sessions: 2, active_users: 1 })
    expect(Object.entries(stats.details.sessions)).toEqual([
      ['a', 2],
      ['__proto__', 1],
    ])
    for (const { client } of sockets) client.close()
    for (const { over } of sockets) await over
    expect(all.stats()).toEqual({
      total_connections: 0,
      active_sessions: 0,
      active_users: 0,
      details: { sessions: {}, users: {} },
    })
  })

  it('comes from the address that a trusted proxy tells', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' }
    for (const [trustProxy, ip] of [
      [false, '127.0.0.1'],
      [true, '203.0.113.9'],
      ['127.0.0.1', '198.51.100.7'],
      ['127.0.0.1, 198.51.100.0/24', '203.0.113.9'],
      ['192.0.2.1', '127.0.0.1'],
    ] as const) {
      const { open } = await house({ trustProxy })
      expect((await open('/door/a', { headers })).request.ip, `${trustProxy}`).toBe(ip)
    }
  })

  it('is not believed by a cookie alone, unless the page is ours', async () => {
    const { open, port } = await house()
    const cookie = 'parley_session=s'
    const with_ = async (headers: Record<string, string>, query = '') => {
      const { request } = await open(`/door/a${query}`, { headers })
      return { ...request.credentials, foreign: request.foreignCookie, app: request.appToken }
    }
    const none = { foreign: undefined, app: undefined }
    expect(await with_({ cookie, origin: `http://127.0.0.1:${port}` })).toMatchObject({ cookie: 's', ...none })
    expect(await with_({ cookie, origin: 'http://evil.example' })).toEqual({ ...none, foreign: true })
    expect(await with_({ cookie })).toEqual({ ...none, foreign: true })
    expect(await with_({ cookie }, '?token=t')).toEqual({ ...none, bearer: 't' })
    expect(await with_({ cookie, authorization: 'Bearer b' }, '?token=t')).toEqual({ ...none, bearer: 'b' })
    expect(await with_({ 'x-api-key': 'k' }, '?token=t')).toEqual({ ...none, apiKey: 'k' })
    expect(await with_({}, '?api_key=pat_x')).toEqual({ ...none, app: 'pat_x' })
    // Who has not proven to be our proxy cannot say under which name we are known.
    const forwarded = { cookie, origin: 'https://chat.example', 'x-forwarded-host': 'chat.example' }
    expect(await with_(forwarded)).toEqual({ ...none, foreign: true })
    const behind = await house({ trustProxy: '127.0.0.1' })
    const { request } = await behind.open('/door/a', { headers: forwarded })
    expect(request.credentials.cookie).toBe('s')
  })
})
