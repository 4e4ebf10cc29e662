import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Message, textOf } from '#contracts/index.ts'
import { fitContext, summaryQuestion, withSummary } from './context-window.ts'
import { estimateMessages } from './estimate.ts'

const say = (role: Message['role'], text: string): Message => ({ role, parts: [{ type: 'text', text }] })
const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`).join(' ')
const truncate = (maxTokens: number) => ({ strategy: 'truncate' as const, maxTokens })

describe('fitContext', () => {
  const long = [
    say('system', 'Be kind.'),
    say('user', words(100)),
    say('assistant', words(100)),
    say('user', 'And now?'),
  ]

  it('leaves alone what fits, and everything where there is no limit', () => {
    expect(fitContext(long, truncate(0))).toEqual({ messages: long })
    expect(fitContext(long, truncate(100_000))).toEqual({ messages: long })
  })

  it('keeps the system messages and the newest whole exchanges', () => {
    const { messages, trim } = fitContext(long, truncate(60))
    expect(messages).toEqual([long[0], long[3]])
    expect(trim!.dropped).toEqual([long[1], long[2]])
    expect(trim!.originalTokens).toBe(estimateMessages(long))
    expect(trim!.trimmedTokens).toBe(estimateMessages(messages))
  })

  it('refuses instead of trimming when the app says so', () => {
    expect(() => fitContext(long, { strategy: 'error', maxTokens: 60 })).toThrow(
      expect.objectContaining({ code: 'context-too-long', details: expect.objectContaining({ limit: 60 }) }),
    )
  })

  it('refuses when even the last user message does not fit', () => {
    expect(() => fitContext([say('user', words(100))], truncate(20))).toThrow(
      expect.objectContaining({ code: 'context-too-long' }),
    )
  })

  it('never keeps an answer without what it answers, nor more than fits', () => {
    const message = fc
      .tuple(fc.constantFrom('system', 'user', 'assistant', 'tool' as const), fc.nat(40))
      .map(([role, count]) => say(role as Message['role'], words(count)))
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.integer({ min: 1, max: 300 }), (messages, maxTokens) => {
        let fitted: ReturnType<typeof fitContext>
        try {
          fitted = fitContext(messages, truncate(maxTokens))
        } catch {
          return
        }
        const { messages: kept, trim } = fitted
        if (!trim) {
          expect(kept).toEqual(messages)
          return
        }
        expect(estimateMessages(kept)).toBeLessThanOrEqual(maxTokens)
        expect(kept.find(({ role }) => role !== 'system')?.role).toBe('user')
        expect(kept.at(-1)).toBe(messages.findLast((each) => kept.includes(each)))
        const rest = messages.filter((each) => each.role !== 'system')
        const keptRest = kept.filter((each) => each.role !== 'system')
        expect(keptRest).toEqual(rest.slice(rest.length - keptRest.length))
        expect([...trim.dropped, ...keptRest]).toEqual(rest)
      }),
    )
  })
})

describe('a summary', () => {
  it('is asked for with the words that were dropped, and stands after the system messages', () => {
    const question = summaryQuestion([say('user', 'My name is Ada.'), say('assistant', '')], 50)
    expect(textOf(question[0]!.parts)).toContain('at most 50 words')
    expect(textOf(question[1]!.parts)).toBe('user: My name is Ada.')
    const kept = [say('system', 'Be kind.'), say('user', 'And now?')]
    const messages = withSummary(kept, 'Ada said her name.')
    expect(messages.map(({ role }) => role)).toEqual(['system', 'system', 'user'])
    expect(textOf(messages[1]!.parts)).toContain('Ada said her name.')
  })
})
