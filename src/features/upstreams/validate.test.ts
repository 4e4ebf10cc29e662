import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import { type UpstreamChange, validate } from './validate.ts'

const kinds = ['openai-compatible', 'anthropic']

function refusedField(change: unknown): unknown {
  try {
    validate(change as UpstreamChange, kinds)
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'invalid-request') return thrown.details?.field
    throw thrown
  }
  return 'accepted'
}

describe('an upstream as an administrator gives it', () => {
  it('is taken in the form it is kept in', () => {
    expect(
      validate({ endpoint: 'HTTPS://Api.Example.com/v1//', models: ['a', 'b', 'a'], weight: 1, priority: 0 }, kinds),
    ).toEqual({ endpoint: 'https://api.example.com/v1', models: ['a', 'b'], weight: 1, priority: 0 })
    expect(
      refusedField({
        name: 'My.Upstream_1',
        kind: 'anthropic',
        endpoint: 'http://127.0.0.1:11434/v1',
        secret: 'sk-x',
        models: ['deep seek', 'qwen3:8b', 'org/model@1'],
        modelMap: { gpt: 'my-deployment' },
        prices: { gpt: { input: 0, output: 1, cachedInput: 2 } },
        weight: 1_000,
        priority: 10_000,
        enabled: false,
      }),
    ).toBe('accepted')
    expect(refusedField({ secret: null })).toBe('accepted')
  })

  it.each([
    ['name', ['', 'auto', 'a/b', 'a b', '-a', 'ä', 'x'.repeat(64), 7]],
    ['kind', ['builtin', 'constructor', '', 5]],
    [
      'endpoint',
      [
        '',
        'example.com',
        'ftp://x',
        'javascript:1',
        'file:///etc/passwd',
        'http://u:p@x/v1',
        'http://x/?q=1',
        'http://x/#f',
        7,
        'builtin:',
      ],
    ],
    ['secret', ['a b', 'a\nb', 'é', 'x'.repeat(4_097), 7]],
    ['weight', [0, 1_001, 1.5, Number.NaN, '5', -1]],
    ['priority', [-1, 10_001, 0.5, '1']],
    ['enabled', [1, 'true', null]],
    ['models', ['x', {}, [''], ['a\nb'], [' a'], [7], ['x'.repeat(201)], Array(2_001).fill('a'), null]],
  ])('is refused for its %s', (field, values) => {
    for (const value of values) expect([value, refusedField({ [field]: value })]).toEqual([value, field])
  })

  it('is refused for its map and its prices', () => {
    for (const modelMap of [[], null, 'x', { a: 1 }, { a: '' }, { '': 'a' }])
      expect(refusedField({ modelMap })).toBe('model_map')
    for (const prices of [[], null, 5]) expect(refusedField({ prices })).toBe('prices')
    for (const price of [
      null,
      5,
      {},
      { input: 1 },
      { input: -1, output: 1 },
      { input: 1.5, output: 1 },
      { input: 1, output: Number.POSITIVE_INFINITY },
      { input: 1, output: 1, cachedInput: -1 },
      { input: 1, output: 1, other: 1 },
    ])
      expect(refusedField({ prices: { m: price } })).toBe('prices.m')
  })
})
