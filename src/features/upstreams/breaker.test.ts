import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { breaker, type CircuitState, type Permit } from './breaker.ts'
import { testClock } from './upstream-for-test.ts'

function circuit() {
  const clock = testClock()
  const changes: string[] = []
  const tested = breaker({ now: clock.now, onChange: (previous, state) => changes.push(`${previous} → ${state}`) })
  const fail = (times = 1) => {
    for (let i = 0; i < times; i++) {
      const permit = tested.admit()
      if (permit !== undefined) tested.failed(permit, 'upstream-overloaded')
    }
  }
  return { ...clock, changes, tested, fail, state: (): CircuitState => tested.circuit().state }
}

describe('a circuit', () => {
  it('opens after five failures within a minute', () => {
    const { tested, fail, state, now } = circuit()
    fail(4)
    expect(state()).toBe('closed')
    fail()
    expect(tested.circuit()).toEqual({ state: 'open', failures: 5, lastError: 'upstream-overloaded', since: now() })
    expect(tested.admit()).toBeUndefined()
    expect(tested.waitMs()).toBe(30_000)
  })

  it('does not count failures older than a minute, nor those before a success', () => {
    const { tested, fail, pass, state } = circuit()
    fail(4)
    pass(60_000)
    fail(4)
    expect(state()).toBe('closed')
    tested.succeeded(tested.admit()!)
    fail(4)
    expect(state()).toBe('closed')
    fail()
    expect(state()).toBe('open')
  })

  it('waits no longer than it meant to when the clock is set back', () => {
    const { tested, fail, pass, state } = circuit()
    fail(5)
    pass(-3_600_000)
    expect(tested.waitMs()).toBe(30_000)
    pass(30_000)
    expect(state()).toBe('half-open')
    expect(tested.admit()).toBeDefined()
    // Of that probe nothing is heard; the next one does not wait for an hour either.
    pass(-3_600_000)
    expect(tested.admit()).toBeDefined()
  })

  it('lets one call at a time probe after half a minute, and closes with its first part', () => {
    const { tested, fail, pass, state, changes } = circuit()
    fail(5)
    pass(29_999)
    expect(tested.admit()).toBeUndefined()
    pass(1)
    const probe = tested.admit()
    expect(probe).toBeDefined()
    expect(state()).toBe('half-open')
    expect(tested.admit()).toBeUndefined()
    expect(tested.waitMs()).toBe(1_000)
    tested.answered(probe!)
    expect(state()).toBe('closed')
    expect(changes).toEqual(['closed → open', 'open → half-open', 'half-open → closed'])
  })

  it('opens again when the probe fails, as often as it takes, and never for good', () => {
    const { fail, pass, tested, state } = circuit()
    fail(5)
    for (let i = 0; i < 50; i++) {
      pass(30_000)
      expect(state()).toBe('half-open')
      fail()
      expect(state()).toBe('open')
    }
    pass(30_000)
    tested.succeeded(tested.admit()!)
    expect(tested.circuit()).toMatchObject({ state: 'closed', failures: 0 })
  })

  it('is on probation until a call has ended well', () => {
    const { tested, fail, pass, state } = circuit()
    fail(5)
    pass(30_000)
    const probe = tested.admit()!
    tested.answered(probe)
    tested.failed(probe, 'upstream-unreachable')
    expect(state()).toBe('open')
    pass(30_000)
    const second = tested.admit()!
    tested.answered(second)
    tested.succeeded(second)
    fail(4)
    expect(state()).toBe('closed')
  })

  it('gives the probe to the next when it said nothing or never ended', () => {
    const { tested, fail, pass } = circuit()
    fail(5)
    pass(30_000)
    tested.released(tested.admit()!)
    expect(tested.admit()).toBeDefined()
    expect(tested.admit()).toBeUndefined()
    pass(30_000)
    expect(tested.admit()).toBeDefined()
  })

  it('keeps a Retry-After to the millisecond, but no longer than an hour', () => {
    const { tested, pass, state } = circuit()
    tested.failed(tested.admit()!, 'upstream-rate-limited', 7_000)
    expect(tested.waitMs()).toBe(7_000)
    pass(6_999)
    expect(tested.admit()).toBeUndefined()
    pass(1)
    tested.answered(tested.admit()!)
    expect(state()).toBe('closed')
    tested.failed(tested.admit()!, 'upstream-rate-limited', Number.POSITIVE_INFINITY)
    expect(tested.waitMs()).toBe(3_600_000)
  })

  it('keeps the longest Retry-After of calls that ran at the same time', () => {
    const { tested } = circuit()
    const [first, second] = [tested.admit()!, tested.admit()!]
    tested.failed(first, 'upstream-rate-limited', 1_000)
    tested.failed(second, 'upstream-rate-limited', 9_000)
    expect(tested.waitMs()).toBe(9_000)
  })

  it('stays open for a minute when the credential is refused', () => {
    const { tested, pass } = circuit()
    tested.failed(tested.admit()!, 'upstream-auth')
    expect(tested.circuit()).toMatchObject({ state: 'open', lastError: 'upstream-auth' })
    pass(59_999)
    expect(tested.admit()).toBeUndefined()
    pass(1)
    expect(tested.admit()).toBeDefined()
  })

  it('is not decided by calls that began before it opened', () => {
    const { tested, fail, pass, state } = circuit()
    const old = tested.admit()!
    fail(5)
    tested.succeeded(old)
    expect(state()).toBe('open')
    pass(30_000)
    const probe = tested.admit()!
    tested.answered(old)
    tested.released(old)
    expect(state()).toBe('half-open')
    expect(tested.admit()).toBeUndefined()
    tested.failed(old, 'upstream-timeout')
    expect(state()).toBe('half-open')
    tested.answered(probe)
    expect(state()).toBe('closed')
  })

  it('always lets somebody in again within an hour, and never two probes at once, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('pass' as const), ms: fc.nat({ max: 70_000 }) }),
      fc.record({ type: fc.constant('admit' as const) }),
      fc.record({
        type: fc.constantFrom('answered', 'succeeded', 'released', 'failed', 'auth', 'limited'),
        which: fc.nat({ max: 9 }),
      }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const clock = testClock()
        const tested = breaker({ now: clock.now })
        const held: Permit[] = []
        for (const one of steps) {
          if (one.type === 'pass') clock.pass('ms' in one ? one.ms : 0)
          else if (one.type === 'admit') {
            const permit = tested.admit()
            if (permit !== undefined) held.push(permit)
            if (tested.circuit().state === 'half-open') expect(tested.admit()).toBeUndefined()
          } else if ('which' in one && held.length > 0) {
            const [permit] = held.splice(one.which % held.length, 1) as [Permit]
            if (one.type === 'answered') tested.answered(permit)
            else if (one.type === 'succeeded') tested.succeeded(permit)
            else if (one.type === 'released') tested.released(permit)
            else if (one.type === 'auth') tested.failed(permit, 'upstream-auth')
            else tested.failed(permit, 'upstream-overloaded', one.type === 'limited' ? 5_000_000 : undefined)
          }
          expect(tested.circuit().failures).toBeLessThanOrEqual(5)
        }
        clock.pass(3_600_000)
        expect(tested.waitMs()).toBe(0)
        const permit = tested.admit()
        expect(permit).toBeDefined()
        tested.answered(permit!)
        expect(tested.circuit().state).toBe('closed')
      }),
    )
  })
})
