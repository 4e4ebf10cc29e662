import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allScopes, isWithin, readScopes, restoreScopes, storeScopes } from './scopes.ts'

test('* is all three, repeats count once', () => {
  expect(readScopes('scopes', ['*'])).toEqual(allScopes)
  expect(readScopes('scopes', ['read', 'read'])).toEqual(new Set(['read']))
})

test.for([[[]], [['root']], [['READ']], [['read write']], [['__proto__']]])('refuses %j', ([scopes]) => {
  expect(() => readScopes('scopes', scopes!)).toThrow(expect.objectContaining({ code: 'invalid-request' }))
})

test('what is stored comes back, and rubbish in the column gives nothing', () => {
  fc.assert(
    fc.property(fc.subarray([...allScopes]), (scopes) => {
      expect([...restoreScopes(storeScopes(new Set(scopes)))].sort()).toEqual([...scopes].sort())
    }),
  )
  expect(restoreScopes('').size).toBe(0)
  expect(restoreScopes('* root').size).toBe(0)
})

test('within means no more', () => {
  expect(isWithin(new Set(['read']), allScopes)).toBe(true)
  expect(isWithin(new Set(['read', 'admin']), new Set(['read', 'write']))).toBe(false)
})
