import { describe, expect, it } from 'vitest'
import { limits } from './limits.ts'
import { networkOf } from './limits-network.ts'

const perMinute = (count: number, burst = count) => ({ count, perMs: 60_000, burst })
const now = () => 1_700_000_000_000

describe('the limits of a request', () => {
  it('are none when limits are off, whatever a key says', () => {
    const off = limits({ now })
    for (let i = 0; i < 5; i++)
      expect(off.check({ ip: '::1', userId: 1, keyId: 1, keyRatePerMinute: 1, chat: true })).toBeUndefined()
  })

  it('count an address before the credential and the user after it', () => {
    const tested = limits({ ip: perMinute(2), user: perMinute(3), now })
    expect(tested.check({ ip: '10.0.0.1' })).toMatchObject({ allowed: true, limit: 2, remaining: 1 })
    expect(tested.check({ userId: 7 })).toMatchObject({ allowed: true, limit: 3, remaining: 2 })
    expect(tested.check({ ip: '10.0.0.1' })?.allowed).toBe(true)
    expect(tested.check({ ip: '10.0.0.1' })?.allowed).toBe(false)
    expect(tested.check({ ip: '10.0.0.2' })?.allowed).toBe(true)
  })

  it('give the tightest of those that concern it', () => {
    const tested = limits({ chat: perMinute(20, 5), user: perMinute(600), now })
    expect(tested.check({ userId: 1, keyId: 9, keyRatePerMinute: 100 })).toMatchObject({ limit: 100, remaining: 99 })
    expect(tested.check({ userId: 1, keyId: 9, keyRatePerMinute: 100, chat: true })).toMatchObject({
      limit: 5,
      remaining: 4,
    })
    expect(tested.check({ userId: 1, keyId: 9, keyRatePerMinute: 0 })).toMatchObject({ limit: 600 })
  })

  it('take nothing when one refuses', () => {
    const tested = limits({ chat: perMinute(20, 1), user: perMinute(10), now })
    expect(tested.check({ userId: 1, chat: true })?.allowed).toBe(true)
    for (let i = 0; i < 20; i++)
      expect(tested.check({ userId: 1, keyId: 3, keyRatePerMinute: 5, chat: true })).toMatchObject({
        allowed: false,
        limit: 1,
      })
    expect(tested.check({ userId: 1 })).toMatchObject({ limit: 10, remaining: 8 })
    expect(tested.check({ userId: 1, keyId: 3, keyRatePerMinute: 5 })).toMatchObject({ limit: 10, remaining: 7 })
  })

  it('tell the refusal that lasts longest', () => {
    const tested = limits({ user: perMinute(60, 1), now })
    tested.check({ userId: 1, keyId: 3, keyRatePerMinute: 1 })
    expect(tested.check({ userId: 1, keyId: 3, keyRatePerMinute: 1 })).toMatchObject({
      allowed: false,
      retryAfterMs: 60_000,
    })
  })

  it('are kept apart by user and by key', () => {
    const tested = limits({ user: perMinute(1), now })
    expect(tested.check({ userId: 1 })?.allowed).toBe(true)
    expect(tested.check({ userId: 2 })?.allowed).toBe(true)
    expect(tested.check({ userId: 1 })?.allowed).toBe(false)
  })

  it('say nothing of a request that nothing concerns', () => {
    expect(limits({ chat: perMinute(1), now }).check({ ip: '10.0.0.1' })).toBeUndefined()
    expect(limits({ ip: perMinute(1), now }).check({ userId: 4, chat: true })).toBeUndefined()
  })
})

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['not an address', 'not an address'],
  ])('%s → %s', (address, network) => expect(networkOf(address)).toBe(network))
})
