import { expect, it } from 'vitest'
import { extrasOf } from './delta-extras.ts'

it('joins the log probabilities of three hundred thousand deltas', () => {
  const deltas = Array.from({ length: 300_000 }, (_, at) => ({
    event: { type: 'text-delta' as const, part: 0, text: 'a', logprobs: [at] },
  }))
  const { logprobs } = extrasOf(deltas) as { logprobs: number[] }
  expect(logprobs).toHaveLength(300_000)
  expect(logprobs.at(-1)).toBe(299_999)
  expect(deltas[0]!.event.logprobs).toEqual([0])
})
