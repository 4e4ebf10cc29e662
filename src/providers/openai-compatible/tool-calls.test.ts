import { expect, it } from 'vitest'
import type { ModelPart } from '../spec.ts'
import { ToolCalls } from './tool-calls.ts'

it('tells a hundred thousand calls apart without asking each of them', () => {
  const calls = new ToolCalls()
  const out: ModelPart[] = []
  for (let index = 0; index < 100_000; index++)
    calls.read({ index, id: `c${index}`, function: { name: 'look', arguments: '{' } }, out)
  for (let index = 0; index < 100_000; index++) calls.read({ index, function: { arguments: '}' } }, out)
  calls.end()
  expect(out).toHaveLength(300_000)
  expect(out.at(-1)).toEqual({ type: 'tool-input-delta', index: 99_999, text: '}' })
})
