import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import type { Database, OutboxEvent, Transaction } from '#store/index.ts'
import { upstreamHealth } from './upstream-health.ts'

const minuteMs = 60_000

/** What is told, with a clock that is moved by hand; `failing` makes the next writes fail. */
function setUp() {
  const clock = { now: 1_000_000_000 }
  const told: { state: string; upstream: string; at: number }[] = []
  const warnings: object[] = []
  const disk = { failing: false }
  const database = {
    write: async <T>(work: (tx: Transaction) => T) => {
      if (disk.failing) throw new AppError('overloaded', 'No disk')
      return work({ tell: (event: OutboxEvent) => void told.push(event as never) } as unknown as Transaction)
    },
  } as unknown as Database
  const health = upstreamHealth({
    database,
    now: () => clock.now,
    log: { warn: (fields) => void warnings.push(fields) },
  })
  return { clock, told, warnings, disk, health, states: () => told.map(({ state }) => state) }
}

/** Lets a write that was begun come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the health of upstreams', () => {
  it('is told when it changes, both ways, at once', async () => {
    const { health, told, clock } = setUp()
    health.changed('openai', 'open')
    expect(told).toEqual([{ type: 'circuit-changed', upstream: 'openai', state: 'open', at: clock.now }])
    health.changed('openai', 'half-open')
    health.changed('openai', 'open')
    expect(told).toHaveLength(1)
    health.changed('openai', 'half-open')
    health.changed('openai', 'closed')
    expect(told.map(({ state }) => state)).toEqual(['open', 'closed'])
    health.changed('gemini', 'open')
    expect(told.at(-1)).toMatchObject({ upstream: 'gemini', state: 'open' })
    await health.close()
  })

  it('of one that comes and goes is told at most twice in ten minutes, and the truth in the end', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ open: fc.boolean(), after: fc.integer({ min: 0, max: 4 * minuteMs }) }), {
          maxLength: 60,
        }),
        async (changes) => {
          const { health, told, clock, states } = setUp()
          let last = 'closed'
          for (const { open, after } of changes) {
            clock.now += after
            last = open ? 'open' : 'closed'
            health.changed('openai', open ? 'open' : 'closed')
          }
          for (let i = 0; i < 25; i++) {
            clock.now += minuteMs
            health.look()
          }
          for (const [at, one] of told.entries()) {
            if (at > 0) expect(one.state).not.toBe(told[at - 1]!.state)
            if (at > 1) expect(one.at - told[at - 2]!.at).toBeGreaterThanOrEqual(10 * minuteMs)
          }
          expect(states().at(-1) ?? 'closed').toBe(last)
          await health.close()
        },
      ),
    ))

  it('that could not be stored is told by the next look', async () => {
    const { health, disk, states, warnings, clock } = setUp()
    disk.failing = true
    health.changed('openai', 'open')
    await settled()
    expect(warnings).toHaveLength(1)
    disk.failing = false
    clock.now += minuteMs
    health.look()
    expect(states()).toEqual(['open'])
    await health.close()
  })
})
