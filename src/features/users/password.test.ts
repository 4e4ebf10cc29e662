import * as argon2 from '@node-rs/argon2'
import { expect, test, vi } from 'vitest'
import { checkPassword, hashPassword, verifyPassword } from './password.ts'

vi.mock('@node-rs/argon2', { spy: true })

test('a hash is argon2id with OWASP parameters and verifies its own password only', async () => {
  const hash = await hashPassword('correct horse')
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(await verifyPassword(hash, 'correct horse')).toBe(true)
  expect(await verifyPassword(hash, 'correct horsE')).toBe(false)
})

test('an unknown user costs the same work as a known one, on hashes of the same cost', async () => {
  const hash = await hashPassword('correct horse')
  await verifyPassword(undefined, 'warms up')
  const verify = vi.mocked(argon2.verify)
  verify.mockClear()
  expect(await verifyPassword(hash, 'wrong password')).toBe(false)
  expect(await verifyPassword(undefined, 'wrong password')).toBe(false)
  const costs = verify.mock.calls.map(([used]) => String(used).split('$').slice(0, 4).join('$'))
  expect(costs).toHaveLength(2)
  expect(costs[0]).toBe(costs[1])
})

test.for(['', 'short 7', '😀😀😀', '\ud800 long enough', 'x'.repeat(1025), 'é'.repeat(513)])(
  'refuses %j as a new password',
  (password) =>
    expect(() => checkPassword('password', password)).toThrow(expect.objectContaining({ code: 'invalid-request' })),
)

test.for(['8 chars!', 'x'.repeat(1024), '비밀번호비밀번호'])('accepts %j', (password) =>
  checkPassword('password', password),
)

test('a broken or oversized attempt is wrong, not an error', async () => {
  const hash = await hashPassword('correct horse')
  expect(await verifyPassword(hash, '\ud800'.repeat(8))).toBe(false)
  expect(await verifyPassword(hash, 'x'.repeat(100_000))).toBe(false)
})

test('many at once all get their turn', async () => {
  const hash = await hashPassword('correct horse')
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) => verifyPassword(hash, i % 2 ? 'correct horse' : 'wrong')),
  )
  expect(answers.filter(Boolean)).toHaveLength(6)
})
