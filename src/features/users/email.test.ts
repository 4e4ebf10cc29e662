import { expect, test } from 'vitest'
import { normaliseEmail } from './email.ts'

test.for([
  [' Ada@Example.ORG ', 'ada@example.org'],
  ['owner@localhost', 'owner@localhost'],
  ['jose\u0301@example.org', 'jos\u00e9@example.org'],
])('%j is kept as %j', ([given, kept]) => expect(normaliseEmail('email', given!)).toBe(kept))

test.for(['', 'ada', '@b', 'a@', 'a@b@c', 'a b@c', 'a\0@b.c', 'a\r\n@b.c', '\ud800@b.c', `a@${'b'.repeat(254)}`])(
  '%j is no address',
  (given) => expect(() => normaliseEmail('email', given)).toThrow(expect.objectContaining({ code: 'invalid-request' })),
)
