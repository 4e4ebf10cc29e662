import { describe, expect, test } from 'vitest'
import { type ConfigChange, changeConfig, defaultConfig } from './config.ts'

const change = (given: ConfigChange) => changeConfig(defaultConfig, given)

test('nothing given leaves the defaults', () => expect(change({})).toEqual(defaultConfig))

test('a change touches what it names; null takes it back', () => {
  const set = change({
    model: 'gpt-x',
    systemPrompt: 'Be brief.\0',
    temperature: 0,
    stop: ['END'],
    contextStrategy: 'summarize',
    contextMaxTokens: 4000,
    historyLength: 0,
    suggestedQuestions: ['Why?'],
    definition: { nodes: [] },
  })
  expect(set).toEqual({
    model: 'gpt-x',
    systemPrompt: 'Be brief.\0',
    sampling: { temperature: 0, stop: ['END'] },
    context: { strategy: 'summarize', maxTokens: 4000 },
    historyLength: 0,
    suggestedQuestions: ['Why?'],
    definition: { nodes: [] },
  })
  expect(changeConfig(set, { topP: 0.5 })).toEqual({ ...set, sampling: { temperature: 0, stop: ['END'], topP: 0.5 } })
  const back: ConfigChange = {
    model: null,
    systemPrompt: null,
    temperature: null,
    stop: null,
    contextStrategy: null,
    contextMaxTokens: null,
    historyLength: null,
    suggestedQuestions: null,
    definition: null,
  }
  expect(changeConfig(set, back)).toEqual(defaultConfig)
})

test('the config that is changed stays as it was', () => {
  const before = structuredClone(defaultConfig)
  change({ temperature: 1, historyLength: 5 })
  expect(defaultConfig).toEqual(before)
})

describe('refuses', () => {
  const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)
  test.for([
    ['temperature', { temperature: 2.1 }],
    ['temperature', { temperature: -0.1 }],
    ['temperature', { temperature: Number.NaN }],
    ['temperature', { temperature: '1' }],
    ['top_p', { topP: 1.1 }],
    ['max_tokens', { maxOutputTokens: 0 }],
    ['max_tokens', { maxOutputTokens: -1 }],
    ['max_tokens', { maxOutputTokens: 1e15 }],
    ['max_tokens', { maxOutputTokens: 1.5 }],
    ['presence_penalty', { presencePenalty: 2.5 }],
    ['frequency_penalty', { frequencyPenalty: -3 }],
    ['stop', { stop: [''] }],
    ['stop', { stop: Array(17).fill('x') }],
    ['stop', { stop: [1] }],
    ['context_strategy', { contextStrategy: 'guess' }],
    ['context_max_tokens', { contextMaxTokens: -1 }],
    ['history_length', { historyLength: 201 }],
    ['suggested_questions', { suggestedQuestions: ['x'.repeat(501)] }],
    ['system_prompt', { systemPrompt: 'x'.repeat(200_001) }],
    ['model', { model: '' }],
    ['model', { model: 'a\0b' }],
    ['definition', { definition: [] }],
    ['definition', { definition: nested(10_000) }],
    ['definition', { definition: { text: 'x'.repeat(1024 * 1024) } }],
  ] as [string, object][])('%s (%#)', ([field, given]) => {
    expect(() => change(given as ConfigChange)).toThrow(
      expect.objectContaining({ code: 'invalid-request', details: { field } }),
    )
  })

  test('not a definition of a hundred levels', () => {
    expect(change({ definition: nested(100) }).definition).toEqual(nested(100))
  })
})
