import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '#errors/index.ts'
import {
  type Fault,
  faults,
  retryAfterSeconds,
  startUpstream,
  type Upstream,
  type Vendor,
} from '#test/support/upstream-simulator.ts'
import { callOf, collect, impatient, joined, patient, type TestIo, testIo } from './call-for-test.ts'
import { providers } from './index.ts'

const text = ['Grüße ', 'aus ', '東京 ', '👋🏽', ' und Köln']

let sim: Upstream
let io: TestIo

beforeEach(async () => {
  sim = await startUpstream()
})

afterEach(async () => {
  io.http.close()
  await sim.close()
})

const vendors = Object.keys(providers).filter((kind) => kind !== 'builtin') as Vendor[]

describe.each(vendors)('%s', (vendor) => {
  describe.each([false, true])('whole: %s', (whole) => {
    test.each(faults.filter((fault) => fault.before))('$name before the first token', (fault) => run(fault, 0))
    test.each(faults.filter((fault) => fault.after))('$name after three deltas', (fault) => run(fault, 3))

    async function run(fault: Fault, after: number): Promise<void> {
      const waits = fault.outcome === 'upstream-timeout'
      io = testIo(waits ? impatient : patient)
      const origin = await fault.arm(sim, { after, reply: { text } })
      const call = callOf(sim.endpoint(vendor, origin), { whole })
      const { parts, error } = await collect(providers[vendor]!, call, io)

      // Before a fault that cannot be whole, what was sent has arrived and nothing else.
      const complete = fault.outcome === 'ok' ? text.length : whole ? 0 : after
      expect(joined(parts, 'text')).toBe(text.slice(0, complete).join(''))
      if (fault.outcome === 'ok') expectFinish(fault, parts.at(-1))
      else expectError(fault, error, call.endpoint.secret!)
      expect(parts.filter((part) => part.type === 'finish')).toHaveLength(fault.outcome === 'ok' ? 1 : 0)
      // Nothing is left hanging at the upstream; a fault in mid-answer also closes the connection.
      await sim.idle()
    }
  })
})

function expectFinish(fault: Fault, last: unknown): void {
  const unknown = fault.name === 'usage missing' || fault.name === 'usage negative'
  expect(last).toMatchObject({ type: 'finish', finishReason: 'stop' })
  const { usage } = last as { usage?: { inputTokens: number; outputTokens: number } }
  if (unknown) expect(usage).toBeUndefined()
  else expect(usage).toMatchObject({ inputTokens: expect.any(Number), outputTokens: 6, estimated: false })
}

function expectError(fault: Fault, error: unknown, secret: string): void {
  expect(error).toBeInstanceOf(AppError)
  const { code, message, details, retryAfterMs, cause } = error as AppError
  expect({ code, message }).toMatchObject({ code: fault.outcome })
  expect(retryAfterMs).toBe(fault.name === '429 with Retry-After' ? retryAfterSeconds * 1_000 : undefined)
  expect(JSON.stringify([message, details, String(cause)])).not.toContain(secret)
}
