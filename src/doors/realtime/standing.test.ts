import { describe, expect, it } from 'vitest'
import type { Principal, Scope } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { signal } from '#lib/signal.ts'
import { refused } from '#test/support/refusal.ts'
import { standings } from './standing.ts'

const someone: Principal = {
  method: 'jwt',
  user: { id: 1, publicId: 'user' },
  workspace: { id: 2, publicId: 'workspace' },
  role: 'member',
  scopes: new Set<Scope>(['read', 'write']),
}

/** An authority that answers when it is told to. */
function setUp() {
  const clock = { now: 1_000_000 }
  const accessChanged = signal()
  const asked: { answer(found: Principal): void; refuse(error: AppError): void }[] = []
  const standing = standings({
    now: () => clock.now,
    accessChanged,
    auth: {
      renew: () => {
        const { promise, resolve, reject } = Promise.withResolvers<Principal>()
        asked.push({ answer: resolve, refuse: reject })
        return promise
      },
      authenticate: () => someone,
      principalForApp: () => {
        throw new Error('not asked for here')
      },
    },
  })(someone)
  return { clock, accessChanged, asked, standing }
}

describe('the standing of who opened a socket', () => {
  it('is asked for at first, then believed for five seconds', async () => {
    const { clock, asked, standing } = setUp()
    expect(standing.known).toBeUndefined()
    const [one, two] = [standing.principal(), standing.principal()]
    expect(asked).toHaveLength(1)
    asked[0]!.answer(someone)
    expect(await Promise.all([one, two])).toEqual([someone, someone])
    clock.now += 4_999
    expect(standing.known).toBe(someone)
    await standing.principal()
    expect(asked).toHaveLength(1)
    clock.now += 1
    expect(standing.known).toBeUndefined()
  })

  it('is not believed from the moment an access is changed', async () => {
    const { accessChanged, asked, standing } = setUp()
    const first = standing.principal()
    asked[0]!.answer(someone)
    await first
    accessChanged.fire()
    expect(standing.known).toBeUndefined()
    const second = standing.principal()
    asked[1]!.answer({ ...someone, role: 'admin' })
    expect((await second).role).toBe('admin')
  })

  it('is asked for again when an access was changed meanwhile', async () => {
    const { accessChanged, asked, standing } = setUp()
    const found = standing.principal()
    accessChanged.fire()
    asked[0]!.answer(someone)
    await new Promise((resolve) => setImmediate(resolve))
    expect(standing.known).toBeUndefined()
    asked[1]!.refuse(new AppError('not-found', 'Workspace not found'))
    await refused('not-found', () => found)
    expect(standing.known).toBeUndefined()
  })

  it('ends with the right to read', async () => {
    const { asked, standing } = setUp()
    const found = standing.renew()
    asked[0]!.answer({ ...someone, scopes: new Set<Scope>(['write']) })
    await refused('forbidden', () => found)
  })
})
