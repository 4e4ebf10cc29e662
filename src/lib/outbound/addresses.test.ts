import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPublicAddress } from './addresses.ts'
import { readOutboundAllow } from './allow.ts'
import { guard } from './guard.ts'

const nothing = readOutboundAllow('')!
const { mayBeAsked } = guard({ allow: nothing })
/** Whether a host, written in a URL in any way, may be connected to. */
const opens = (host: string) => {
  const url = URL.parse(`http://${host}/`)
  return url !== null && mayBeAsked(url.hostname)
}

const byte = fc.integer({ min: 0, max: 255 })
const inside: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.tuple(fc.constantFrom(0, 10, 127), byte, byte, byte),
  fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), byte, byte),
  fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
  fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
  fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
  fc.tuple(fc.constant(198), fc.integer({ min: 18, max: 19 }), byte, byte),
  fc.tuple(fc.integer({ min: 224, max: 255 }), byte, byte, byte),
  fc.constant([168, 63, 129, 16]),
)
/** Addresses of which everybody knows that they are the internet's. */
const outside = fc.tuple(fc.constantFrom(1, 8, 23, 44, 93, 142, 185, 212), byte, byte, byte)

/** What a URL parser takes for the IPv4 address, besides how it is usually written. */
function spellings([a, b, c, d]: readonly number[]): string[] {
  const whole = ((a! * 256 + b!) * 256 + c!) * 256 + d!
  const hex = (n: number) => `0x${n.toString(16)}`
  const octal = (n: number) => `0${n.toString(8)}`
  return [
    `${a}.${b}.${c}.${d}`,
    `${a}.${b}.${c}.${d}.`,
    `${whole}`,
    hex(whole),
    octal(whole),
    `${a}.${(b! * 256 + c!) * 256 + d!}`,
    `${a}.${b}.${c! * 256 + d!}`,
    [a, b, c, d].map((n) => hex(n!)).join('.'),
    [a, b, c, d].map((n) => octal(n!)).join('.'),
    `${octal(a!)}.${hex(b!)}.${c}.${d}`,
    [...`${a}.${b}.${c}.${d}`]
      .map((one) => (one === '.' ? '。' : String.fromCodePoint(one.codePointAt(0)! + 0xfee0)))
      .join(''),
    `%3${String(a)[0]}${String(a).slice(1)}.${b}.${c}.${d}`,
  ]
}

/** IPv6 addresses that lead to the IPv4 one somewhere. */
function carriers([a, b, c, d]: readonly number[]): string[] {
  const dotted = `${a}.${b}.${c}.${d}`
  const group = (high: number, low: number) => (high * 256 + low).toString(16)
  const inverse = [a, b, c, d].map((n) => 255 - n!)
  return [
    `[::ffff:${dotted}]`,
    `[::${dotted}]`,
    `[::ffff:0:${dotted}]`,
    `[64:ff9b::${dotted}]`,
    `[64:ff9b:1::${dotted}]`,
    `[2002:${group(a!, b!)}:${group(c!, d!)}::1]`,
    `[2001:0:4136:e378:8000:63bf:${group(inverse[0]!, inverse[1]!)}:${group(inverse[2]!, inverse[3]!)}]`,
    `[0:0:0:0:0:FFFF:${group(a!, b!)}:${group(c!, d!)}]`,
  ]
}

describe('addresses that nothing is sent to', () => {
  it('are refused in every spelling, and in every IPv6 address that carries them', () => {
    fc.assert(
      fc.property(inside, (parts) => {
        for (const host of [...spellings(parts), ...carriers(parts)]) expect([host, opens(host)]).toEqual([host, false])
      }),
      { numRuns: 500 },
    )
  })

  it('let through what is public, in every spelling, but in no disguise of IPv6', () => {
    fc.assert(
      fc.property(outside, (parts) => {
        for (const host of spellings(parts)) expect([host, opens(host)]).toEqual([host, true])
        for (const host of carriers(parts)) expect([host, opens(host)]).toEqual([host, false])
      }),
      { numRuns: 300 },
    )
  })

  it('leave of IPv6 nothing open but what is given out', () => {
    const group = fc.integer({ min: 0, max: 0xffff })
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const first = groups[0]!
        const isOpen = first >= 0x2000 && first <= 0x3fff && first !== 0x2002 && first !== 0x3fff
        const address = groups.map((one) => one.toString(16)).join(':')
        if (first === 0x2001) return
        if (first === 0x3fff && groups[1]! > 0xfff) return
        expect([address, isPublicAddress(address)]).toEqual([address, isOpen])
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1%eth0',
    'fec0::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '100::1',
    '2001:db8::1',
    '2001:10::1',
    '2002:7f00:1::',
    '192.88.99.1',
    '255.255.255.255',
    '0.0.0.0',
    'localhost',
    '',
  ])('%s is none', (address) => expect(isPublicAddress(address)).toBe(false))

  it.each([
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
    '2001:4860:4860::8888',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
  ])('%s is one', (address) => expect(isPublicAddress(address)).toBe(true))

  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'api.localhost',
    'metadata.google.internal',
    'db.internal.',
    'printer.local',
    'nas.home.arpa',
    '127.1',
    '0',
    '[::]',
  ])('the host %s is refused by its name', (host) => expect(opens(host)).toBe(false))

  it.each(['example.com', 'localhost.example.com', 'internal.example.com', 'notinternal'])(
    'the host %s is not',
    (host) => expect(opens(host)).toBe(true),
  )
})

describe('what an operator allows', () => {
  it('is let through by name, by address and by network, and nothing else is', () => {
    const allow = readOutboundAllow(' hooks.corp.internal, 10.1.2.3 ,192.168.7.0/24,fd00:1::/32, [::1] ,')!
    const { mayBeAsked } = guard({ allow })
    for (const host of ['hooks.corp.internal', '10.1.2.3', '192.168.7.9', '[fd00:1:2::3]', '[::1]', '8.8.8.8'])
      expect([host, mayBeAsked(host)]).toEqual([host, true])
    for (const host of ['other.internal', '10.1.2.4', '192.168.8.9', '[fd00:2::3]', '127.0.0.1', '[::ffff:10.1.2.4]'])
      expect([host, mayBeAsked(host)]).toEqual([host, false])
  })

  it.each([
    'http://host',
    'host:80',
    'a b',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '127.1',
    'fe80::1%eth0',
    '*',
  ])('is refused where it is written as %j', (text) => expect(readOutboundAllow(text)).toBeUndefined())
})
