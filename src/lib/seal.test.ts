import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveKey, seal, unseal } from './seal.ts'

const key = deriveKey('master', 'upstreams')

describe('seal', () => {
  it('opens with its key to what was put in, any text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (plain) => {
        expect(unseal(key, seal(key, plain))).toBe(plain)
      }),
    ))

  it('is another one each time', () => {
    expect(seal(key, 'secret')).not.toBe(seal(key, 'secret'))
    expect(seal(key, 'secret')).not.toContain('secret')
  })

  it('does not open with the key of another purpose or master', () => {
    const sealed = seal(key, 'secret')
    expect(unseal(deriveKey('master', 'tokens'), sealed)).toBeUndefined()
    expect(unseal(deriveKey('other', 'upstreams'), sealed)).toBeUndefined()
    expect(deriveKey('master', 'upstreams').equals(key)).toBe(true)
  })

  it('does not open when a single bit was changed, or what is no seal at all', () => {
    const bytes = Buffer.from(seal(key, 'secret'), 'base64url')
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes)
      changed[index]! ^= 1
      expect(unseal(key, changed.toString('base64url'))).toBeUndefined()
    }
    for (const text of ['', 'x', '!!', bytes.subarray(0, 20).toString('base64url')])
      expect(unseal(key, text)).toBeUndefined()
  })
})
