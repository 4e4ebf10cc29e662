import { describe, expect, it } from 'vitest'
import { free } from '#contracts/index.ts'
import { catalog } from './catalog.ts'
import { testClock, testUpstream } from './upstream-for-test.ts'

const builtin = testUpstream({
  name: 'builtin',
  kind: 'builtin',
  models: ['extractive'],
  unpriced: true,
  priority: 1_000,
  source: 'environment',
})

function answering(upstreams: Parameters<typeof catalog>[0], name: string): string[] {
  return catalog(upstreams)
    .offersFor(name)
    .map(({ upstream, model }) => `${upstream.name}: ${model}`)
}

describe('a model’s name', () => {
  const openai = testUpstream({ name: 'openai', models: ['gpt-4o', 'o3'] })
  const second = testUpstream({ name: 'second', models: ['gpt-4o'], priority: 50, modelMap: { fast: 'gpt-4o-mini' } })

  it('is offered by all who list it, by priority, under the name each has for it', () => {
    const mapped = testUpstream({
      name: 'azure',
      modelMap: { 'gpt-4o': 'my-deployment' },
      models: ['x'],
      priority: 200,
    })
    expect(answering([openai, second, mapped, builtin], 'gpt-4o')).toEqual([
      'second: gpt-4o',
      'openai: gpt-4o',
      'azure: my-deployment',
    ])
    expect(answering([openai, second, builtin], 'fast')).toEqual(['second: gpt-4o-mini'])
    expect(answering([openai, second, builtin], 'gpt-9')).toEqual([])
  })

  it('may name its upstream', () => {
    const upstreams = [openai, second, builtin]
    expect(answering(upstreams, 'openai/gpt-4o')).toEqual(['openai: gpt-4o'])
    expect(answering(upstreams, 'second/fast')).toEqual(['second: gpt-4o-mini'])
    expect(answering(upstreams, 'openai/ft:gpt-4o:acme')).toEqual(['openai: ft:gpt-4o:acme'])
    expect(answering(upstreams, 'builtin/extractive')).toEqual(['builtin: extractive'])
    for (const name of ['builtin/other', 'extractive', 'nobody/gpt-4o', 'openai/', '/gpt-4o', ''])
      expect(answering(upstreams, name)).toEqual([])
  })

  it('with a slash is first looked for as it is', () => {
    const router = testUpstream({ name: 'router', models: ['openai/gpt-4o'] })
    expect(answering([openai, router], 'openai/gpt-4o')).toEqual(['router: openai/gpt-4o'])
    expect(answering([openai, router], 'router/openai/gpt-4o')).toEqual(['router: openai/gpt-4o'])
  })

  it('stays within a list that an administrator wrote', () => {
    const pinned = testUpstream({ name: 'pinned', models: ['gpt-4o'], pinned: true })
    expect(answering([pinned], 'pinned/gpt-4o')).toEqual(['pinned: gpt-4o'])
    expect(answering([pinned], 'pinned/o3')).toEqual([])
  })

  it('may be the short form of what is listed', () => {
    const anthropic = testUpstream({
      name: 'anthropic',
      kind: 'anthropic',
      models: ['claude-sonnet-4-5-20250929', 'claude-haiku-4-5-20251001', 'claude-haiku-4-5-20250801'],
    })
    const ollama = testUpstream({ name: 'ollama', models: ['llama3.2:latest'] })
    expect(answering([anthropic, ollama], 'claude-haiku-4-5')).toEqual(['anthropic: claude-haiku-4-5-20251001'])
    expect(answering([anthropic, ollama], 'llama3.2')).toEqual(['ollama: llama3.2:latest'])
    expect(answering([anthropic, ollama], 'anthropic/claude-sonnet-4-5')).toEqual([
      'anthropic: claude-sonnet-4-5-20250929',
    ])
  })

  it('is taken by an upstream whose list is not known when it fits its kind', () => {
    const anthropic = testUpstream({ name: 'anthropic', kind: 'anthropic' })
    const google = testUpstream({ name: 'gemini', kind: 'google' })
    const local = testUpstream({ name: 'local' })
    const all = [openai, anthropic, google, local, builtin]
    expect(answering(all, 'claude-new')).toEqual(['anthropic: claude-new'])
    expect(answering(all, 'gemini-9')).toEqual(['gemini: gemini-9'])
    expect(answering(all, 'gemma-3-27b-it')).toEqual(['gemini: gemma-3-27b-it'])
    expect(answering(all, 'anything')).toEqual(['local: anything'])
    expect(answering(all, 'gpt-4o')).toEqual(['openai: gpt-4o'])
    expect(answering([openai, anthropic, builtin], 'anything')).toEqual([])
    expect(answering(all, 'local/x/y')).toEqual(['local: x/y'])
  })

  it('is listed by one and fits another whose list is not known', () => {
    const listed = testUpstream({ name: 'first', kind: 'anthropic', models: ['claude-x'], priority: 100 })
    const unknown = testUpstream({ name: 'second', kind: 'anthropic', priority: 50 })
    expect(answering([listed, unknown], 'claude-x')).toEqual(['second: claude-x', 'first: claude-x'])
  })

  it('cannot reach into objects', () => {
    const mapped = testUpstream({ name: 'mapped', models: ['a'], modelMap: { b: 'c' } })
    for (const name of ['constructor', '__proto__', 'toString', 'mapped/'])
      expect(answering([mapped], name)).toEqual([])
  })
})

describe('the list of models', () => {
  it('has every listed name once, with the upstream that is asked first', () => {
    const clock = testClock()
    const one = testUpstream({ name: 'one', models: ['gpt-4o', 'x'], modelMap: { fast: 'x' } }, clock)
    const two = testUpstream({ name: 'two', models: ['gpt-4o', 'y'], priority: 1 }, clock)
    expect(
      catalog([one, two, builtin])
        .models()
        .map(({ id, upstream, kind }) => ({ id, upstream, kind })),
    ).toEqual([
      { id: 'gpt-4o', upstream: 'two', kind: 'openai-compatible' },
      { id: 'y', upstream: 'two', kind: 'openai-compatible' },
      { id: 'x', upstream: 'one', kind: 'openai-compatible' },
      { id: 'fast', upstream: 'one', kind: 'openai-compatible' },
      { id: 'builtin/extractive', upstream: 'builtin', kind: 'builtin' },
    ])
  })

  it('finds what can be asked for, listed or not', () => {
    const one = testUpstream({ name: 'one', models: ['gpt-4o'] })
    const names = catalog([one, builtin])
    expect(names.find('gpt-4o')).toMatchObject({ id: 'gpt-4o', upstream: 'one' })
    expect(names.find('one/other')).toMatchObject({ id: 'one/other', upstream: 'one' })
    expect(names.find('auto')).toMatchObject({ id: 'gpt-4o', upstream: 'one' })
    expect(names.find('other')).toBeUndefined()
  })
})

describe('the price of an offer', () => {
  it('is the upstream’s own, else the list price, and nothing on one’s own machine', () => {
    const own = { input: 7, output: 8 }
    const account = testUpstream({ name: 'account', models: ['gpt-4o', 'o3', 'zzz'], prices: { o3: own } })
    const local = testUpstream({ name: 'ollama', models: ['mistral-small:latest'], unpriced: true })
    const price = (name: string) => catalog([account, local]).find(name)?.price
    expect(price('o3')).toEqual(own)
    expect(price('account/o3')).toEqual(own)
    expect(price('gpt-4o')).toMatchObject({ input: 2_500_000 })
    expect(price('zzz')).toEqual(free)
    expect(price('mistral-small')).toEqual(free)
  })
})

describe('the default model', () => {
  const choice = (...upstreams: Parameters<typeof catalog>[0]) => catalog([builtin, ...upstreams]).defaultModel()

  it('is the builtin one when there is nothing else', () => {
    expect(choice()).toBe('builtin/extractive')
    expect(choice(testUpstream({ name: 'unknown' }))).toBe('builtin/extractive')
    expect(choice(testUpstream({ name: 'voices', models: ['whisper-1', 'tts-1', 'text-embedding-3-small'] }))).toBe(
      'builtin/extractive',
    )
  })

  it('is a well-known one of the first upstream that has a chat model', () => {
    const models = ['dall-e-3', 'gpt-4o-audio-preview', 'gpt-3.5-turbo', 'gpt-4o-2024-11-20', 'whisper-1']
    expect(choice(testUpstream({ name: 'a', models }))).toBe('gpt-4o-2024-11-20')
    expect(choice(testUpstream({ name: 'a', models: ['nomic-embed-text', 'phi4', 'zeta'] }))).toBe('phi4')
    expect(
      choice(testUpstream({ name: 'a', models: ['tts-1'] }), testUpstream({ name: 'b', models: ['qwen3:8b'] })),
    ).toBe('qwen3:8b')
    expect(
      choice(testUpstream({ name: 'a', models: ['x'] }), testUpstream({ name: 'b', models: ['y'], priority: 1 })),
    ).toBe('y')
  })

  it('is known for a vendor that has not listed its models yet', () => {
    const endpoint = { url: 'https://api.anthropic.com/v1' }
    expect(choice(testUpstream({ name: 'anthropic', kind: 'anthropic', endpoint }))).toBe('claude-sonnet-4-5')
  })

  it('passes over an upstream that may not be called now, while there is another', () => {
    const clock = testClock()
    const ill = testUpstream({ name: 'a', models: ['x'], priority: 1 }, clock)
    const well = testUpstream({ name: 'b', models: ['y'] }, clock)
    ill.breaker.failed(ill.breaker.admit()!, 'upstream-auth')
    expect(choice(ill, well)).toBe('y')
    expect(choice(ill)).toBe('x')
    clock.pass(60_000)
    expect(choice(ill, well)).toBe('x')
  })
})
