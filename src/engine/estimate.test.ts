import { describe, expect, it } from 'vitest'
import type { Part } from '#contracts/index.ts'
import { estimateMessage, estimateMessages, estimateUsage } from './estimate.ts'

const tokens = (...parts: Part[]) => estimateMessage({ role: 'user', parts })
const empty = tokens()

describe('estimates', () => {
  it('count every part that a model reads, and no citations', () => {
    const source = { id: 's1', title: 'A title', content: 'A long quoted passage' }
    expect(tokens({ type: 'source', source })).toBe(empty)
    for (const part of [
      { type: 'text', text: 'Hello there' },
      { type: 'reasoning', text: 'Hello there' },
      { type: 'tool-call', callId: 'c', name: 'look', arguments: '{"up":1}' },
      { type: 'tool-result', callId: 'c', result: 'Found it', isError: false },
      { type: 'image', url: 'https://example.org/a.png' },
      { type: 'audio', data: 'A'.repeat(4000), format: 'wav' },
      { type: 'file', name: 'a.txt', mediaType: 'text/plain', text: 'Hello there' },
      { type: 'file', name: 'a.pdf', mediaType: 'application/pdf', data: 'A'.repeat(600) },
      { type: 'input', parts: [{ type: 'text', text: 'Hello there' }] },
    ] satisfies Part[])
      expect(tokens(part), part.type).toBeGreaterThan(empty)
  })

  it('add up over messages', () => {
    const message = { role: 'user' as const, parts: [{ type: 'text' as const, text: 'Hello' }] }
    expect(estimateMessages([message, message])).toBe(2 * estimateMessage(message))
  })

  it('say of themselves that they are estimates', () => {
    const usage = estimateUsage([{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }], 'Hello there')
    expect(usage).toMatchObject({ estimated: true, cachedInputTokens: 0, reasoningTokens: 0 })
    expect(usage.inputTokens).toBeGreaterThan(0)
    expect(usage.outputTokens).toBeGreaterThan(0)
    expect(estimateUsage([], '').outputTokens).toBe(0)
  })
})
