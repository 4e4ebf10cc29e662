import { afterEach, describe, expect, it } from 'vitest'
import { startReceiver } from '#test/support/receiver.ts'
import { refused } from '#test/support/refusal.ts'
import { readOutboundAllow } from './allow.ts'
import { type OutboundOptions, outbound } from './index.ts'

describe('requests for users', () => {
  const cleanUps: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  function made(options: Partial<OutboundOptions> & { allowed?: string } = {}) {
    const { allowed = '', ...more } = options
    const out = outbound({ allow: readOutboundAllow(allowed)!, ...more })
    cleanUps.push(out.close)
    return out
  }
  async function receiver(...args: Parameters<typeof startReceiver>) {
    const it = await startReceiver(...args)
    cleanUps.push(it.close)
    return it
  }
  const post = (url: string, more: object = {}) => ({
    method: 'POST' as const,
    url,
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
    timeoutMs: 10_000,
    answerBytes: 4_096,
    ...more,
  })

  it('go where they may, and nowhere else', async () => {
    const { url, port, received } = await receiver()
    const open = made({ allowed: '127.0.0.1' })
    expect(await open.send(post(`${url}/here?x=1`))).toMatchObject({ status: 200 })
    expect(received).toMatchObject([{ path: '/here?x=1', raw: '{"a":1}' }])
    const closed = made()
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433', '127.1'])
      await refused('outbound-refused', () => closed.send(post(`http://${host}:${port}/`)))
    expect(received).toHaveLength(1)
  })

  it('go to no name that has an inner address among its addresses, whichever comes first', async () => {
    const { port, received } = await receiver()
    const addresses = [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
    for (const found of [addresses, addresses.toReversed(), [{ address: '::ffff:127.0.0.1', family: 6 }]]) {
      const out = made({ lookup: async () => found })
      await refused('outbound-refused', () => out.check('url', `http://both.example:${port}/`), 'url')
      await refused('outbound-refused', () => out.send(post(`http://both.example:${port}/`)))
    }
    expect(received).toEqual([])
  })

  it('are not misled by a name that means something else the second time', async () => {
    const { port, received } = await receiver()
    let asked = 0
    const out = made({
      lookup: async () => [{ address: asked++ === 0 ? '93.184.216.34' : '127.0.0.1', family: 4 }],
    })
    await out.check('url', `http://rebound.example:${port}/`)
    await refused('outbound-refused', () => out.send(post(`http://rebound.example:${port}/`)))
    expect(asked).toBe(2)
    expect(received).toEqual([])
  })

  it('go to the address that was checked, under the name that was asked for', async () => {
    const { port, received } = await receiver()
    const out = made({ allowed: '127.0.0.0/8', lookup: async () => [{ address: '127.0.0.1', family: 4 }] })
    await out.send(post(`http://inner.example:${port}/`))
    expect(received[0]!.headers.host).toBe(`inner.example:${port}`)
    const named = made({ allowed: 'inner.example', lookup: async () => [{ address: '127.0.0.1', family: 4 }] })
    await named.send(post(`http://inner.example:${port}/`))
    await refused('outbound-refused', () => named.send(post(`http://other.example:${port}/`)))
    expect(received).toHaveLength(2)
  })

  it('follow no redirect', async () => {
    const { url, received } = await receiver(() => ({
      status: 307,
      headers: { location: 'http://169.254.169.254/latest/meta-data' },
    }))
    const out = made({ allowed: '127.0.0.1' })
    expect(await out.send(post(url))).toMatchObject({ status: 307 })
    expect(received).toHaveLength(1)
  })

  it('read so much of an answer and no more', async () => {
    const { url } = await receiver(() => ({ body: Buffer.alloc(50_000_000, 'x') }))
    const { status, body } = await made({ allowed: '127.0.0.1' }).send(post(url))
    expect([status, body.length]).toEqual([200, 4_096])
  })

  it('end when nothing is answered in time, and when nobody wants the answer', async () => {
    const stalled = await receiver(() => 'stall')
    const out = made({ allowed: '127.0.0.1' })
    await refused('upstream-timeout', () => out.send(post(stalled.url, { timeoutMs: 50 })))
    const abort = new AbortController()
    const sent = out.send(post(stalled.url, { signal: abort.signal }))
    sent.catch(() => undefined)
    abort.abort()
    await refused('cancelled', () => sent)
    await refused('cancelled', () => out.send(post(stalled.url, { signal: abort.signal })))
  })

  it('tell in our words what went wrong', async () => {
    const gone = await receiver(() => 'reset')
    const out = made({ allowed: '127.0.0.1, nowhere.example', lookup: async () => [] })
    await refused('upstream-unreachable', () => out.send(post(gone.url)))
    await expect(out.send(post(gone.url.replace('http', 'https')))).rejects.toThrow('TLS failed')
    await gone.close()
    await expect(out.send(post(gone.url))).rejects.toThrow('The connection was refused')
    await expect(out.send(post('http://nowhere.example/'))).rejects.toThrow('The name cannot be resolved')
  })

  it.each([
    ['ftp://example.com/', 'invalid-request'],
    ['javascript:alert(1)', 'invalid-request'],
    ['file:///etc/passwd', 'invalid-request'],
    ['//example.com', 'invalid-request'],
    ['example.com', 'invalid-request'],
    ['http://', 'invalid-request'],
    ['http://[::1', 'invalid-request'],
    ['http://user@example.com/', 'invalid-request'],
    ['http://:secret@example.com/', 'invalid-request'],
    ['http://169.254.169.254/latest/meta-data', 'outbound-refused'],
    ['http://metadata.google.internal/', 'outbound-refused'],
    ['https://localhost/', 'outbound-refused'],
    ['http://0x7f.1/', 'outbound-refused'],
    ['http://[64:ff9b::7f00:1]/', 'outbound-refused'],
    ['http://１２７.0.0.1/', 'outbound-refused'],
  ] as const)('refuse %s as %s, naming the field', async (url, code) => {
    await refused(code, () => made().check('callback', url), 'callback')
  })

  it('let a name pass that has no address yet', async () => {
    const out = made({ lookup: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) })
    expect((await out.check('url', 'https://soon.example/hook')).href).toBe('https://soon.example/hook')
    await refused('upstream-unreachable', () => out.send(post('http://soon.example/')))
  })
})
