import { describe, expect, it } from 'vitest'
import { AppError } from '#errors/index.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { input, names, startUp } from './start-for-test.ts'
import { refusal } from './upstream-for-test.ts'
import type { UpstreamChange, UpstreamInput } from './validate.ts'

const openai = { url: 'https://api.openai.com/v1', secret: 'sk-proj-0123456789abcdef' }

describe.each(databaseKinds)('an administrator on %s', (kind) => {
  const { fresh, start } = startUp(kind)

  it('makes, changes, reads and removes an upstream, and never sees a secret again', async () => {
    const { database } = await fresh()
    const { made, lists } = start(database)
    await made.discover({})
    lists[input.endpoint] = ['llama-4', 'qwen3']
    const view = await made.create({ ...input, prices: { qwen3: { input: 5, output: 6, cachedInput: 1 } } })
    expect(view).toMatchObject({
      name: 'groq',
      has_secret: true,
      secret_hint: 'ghij',
      weight: 100,
      priority: 100,
      enabled: true,
      source: 'admin',
      health: 'closed',
      prices: { qwen3: { input: 5, output: 6, cached_input: 1 } },
      models: [],
    })
    await made.refreshModels()
    expect(names(made)).toEqual(['llama-4', 'qwen3', 'builtin/extractive'])
    expect((await made.get(view.id)).models).toEqual(['llama-4', 'qwen3'])
    expect(made.findModel('qwen3')?.price).toEqual({ input: 5, output: 6, cachedInput: 1 })

    const changed = await made.update(view.id, {
      name: 'fast',
      models: ['llama-4'],
      modelMap: { best: 'llama-4' },
      secret: 'short',
      priority: 1,
    })
    expect(changed).toMatchObject({ id: view.id, name: 'fast', secret_hint: '', priority: 1, models: ['llama-4'] })
    expect(Date.parse(changed.updated_at)).toBeGreaterThan(Date.parse(view.updated_at))
    expect(names(made)).toEqual(['llama-4', 'best', 'builtin/extractive'])
    expect(made.findModel('fast/qwen3')).toBeUndefined()

    const everything = JSON.stringify([view, changed, await made.list(), made.models(), made.health()])
    for (const secret of [input.secret!, 'short']) expect(everything).not.toContain(secret)
    expect((await made.update(view.id, { secret: null })).has_secret).toBe(false)

    await made.remove(view.id)
    expect(names(made)).toEqual(['builtin/extractive'])
    for (const act of [made.get(view.id), made.update(view.id, {}), made.remove(view.id)])
      expect((await refusal(act)).code).toBe('not-found')
  })

  it('is told what is wrong', async () => {
    const { database } = await fresh()
    const { made } = start(database)
    await made.discover({ openai })
    const view = await made.create(input)
    expect(await refusal(made.create(input))).toMatchObject({ code: 'conflict', details: { field: 'name' } })
    expect(await refusal(made.update(view.id, { name: 'openai' }))).toMatchObject({ code: 'conflict' })
    for (const [field, change] of [
      ['kind', { kind: 'builtin' }],
      ['endpoint', { endpoint: 'file:///etc/passwd' }],
      ['weight', { weight: 0 }],
    ] as [string, UpstreamChange][]) {
      expect((await refusal(made.create({ ...input, name: 'x', ...change }))).details).toEqual({ field })
      expect((await refusal(made.update(view.id, change))).details).toEqual({ field })
    }
    expect((await refusal(made.create({ name: 'x' } as UpstreamInput))).details).toEqual({ field: 'kind' })
    const [, given] = await made.list()
    for (const change of [{ endpoint: 'http://x/v1' }, { secret: 'x' }, { models: ['x'] }, { name: 'x' }])
      expect((await refusal(made.update(given!.id, change))).code).toBe('conflict')
    expect((await refusal(made.remove(given!.id))).code).toBe('conflict')
  })

  it('must give the secret again for another host', async () => {
    const { database } = await fresh()
    const { made } = start(database)
    const view = await made.create(input)
    const endpoint = 'https://evil.example/v1'
    expect((await refusal(made.update(view.id, { endpoint }))).details).toEqual({ field: 'secret' })
    expect(await made.update(view.id, { endpoint: 'https://api.groq.com/v2' })).toMatchObject({ secret_hint: 'ghij' })
    expect(await made.update(view.id, { endpoint, secret: null })).toMatchObject({ endpoint, has_secret: false })
  })

  it('starts the health anew with another secret, and not with another weight', async () => {
    const { database } = await fresh()
    const changes: string[] = []
    const { made } = start(database, {
      onHealthChange: (name, previous, state) => changes.push(`${name}: ${previous} → ${state}`),
      providers: {
        'openai-compatible': {
          kind: 'openai-compatible',
          listModels: async () => ['m'],
          // biome-ignore lint/correctness/useYield: it fails before its first part
          async *streamModel() {
            throw new AppError('upstream-auth', 'refused')
          },
        },
      },
    })
    const view = await made.create(input)
    const call = {
      model: 'groq/m',
      messages: [],
      sampling: {},
      tools: [],
      providerOptions: {},
      whole: false,
    }
    const options = { signal: new AbortController().signal, onRetry: () => undefined }
    expect((await refusal(made.openModel(call, options))).code).toBe('upstream-auth')
    expect(made.health()).toMatchObject([{ name: 'groq', state: 'open', failures: 1, lastError: 'upstream-auth' }])
    expect(changes).toEqual(['groq: closed → open'])
    expect(await made.update(view.id, { weight: 5 })).toMatchObject({ health: 'open' })
    expect(await made.update(view.id, { secret: 'another' })).toMatchObject({ health: 'closed' })
    expect(made.health()).toMatchObject([{ state: 'closed', failures: 0 }])
  })
})
