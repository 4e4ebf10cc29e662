import { expect, it } from 'vitest'
import { isDeeperThan } from './depth.ts'

it('counts arrays and objects, and stops where it has seen enough', () => {
  expect(isDeeperThan('text', 0)).toBe(false)
  expect(isDeeperThan(null, 0)).toBe(false)
  expect(isDeeperThan([], 0)).toBe(true)
  expect(isDeeperThan({ a: [1, { b: 2 }] }, 3)).toBe(false)
  expect(isDeeperThan({ a: [1, { b: 2 }] }, 2)).toBe(true)
  expect(isDeeperThan(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)), 100)).toBe(true)
})
