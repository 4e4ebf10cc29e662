import { describe, expect, it, vi } from 'vitest'
import { AppError } from '#errors/index.ts'
import { deriveKey } from '#lib/seal.ts'
import type { Provider } from '#providers/spec.ts'
import { databaseKinds } from '#test/support/databases.ts'
import { input, names, startUp } from './start-for-test.ts'
import { drain, query, refusal, scriptedProvider } from './upstream-for-test.ts'
import type { Upstreams, UpstreamsDeps } from './upstreams.ts'

const openai = { url: 'https://api.openai.com/v1', secret: 'sk-proj-0123456789abcdef' }
const anthropic = { url: 'https://api.anthropic.com/v1', secret: 'sk-ant-0123456789abcdef' }

const stored = (database: UpstreamsDeps['database']) =>
  database.read.selectFrom('upstreams').selectAll().orderBy('id').execute()

describe.each(databaseKinds)('upstreams on %s', (kind) => {
  const { fresh, start, cleanUps } = startUp(kind)

  describe('the environment', () => {
    it('gives rows with sealed secrets, and the builtin one always', async () => {
      const { database } = await fresh()
      const { made, lists } = start(database)
      lists[openai.url] = ['gpt-4o', 'gpt-4o', '', 'bad\nname']
      await made.discover({ openai, anthropic })
      const rows = await stored(database)
      expect(rows.map(({ name, kind, source, enabled }) => ({ name, kind, source, enabled }))).toEqual([
        { name: 'builtin', kind: 'builtin', source: 'environment', enabled: 1 },
        { name: 'openai', kind: 'openai-compatible', source: 'environment', enabled: 1 },
        { name: 'anthropic', kind: 'anthropic', source: 'environment', enabled: 1 },
      ])
      expect(JSON.stringify(rows)).not.toContain('0123456789abcdef')
      await made.refreshModels()
      expect(names(made)).toEqual(['gpt-4o', 'builtin/extractive'])
      expect((await stored(database))[1]?.models).toBe('["gpt-4o"]')
      expect(made.defaultModel()).toBe('gpt-4o')
    })

    it('offers the builtin model alone when it is empty', async () => {
      const { database } = await fresh()
      const { made } = start(database)
      await made.discover({})
      expect(names(made)).toEqual(['builtin/extractive'])
      expect(made.defaultModel()).toBe('builtin/extractive')
      expect(made.findModel('auto')).toMatchObject({ id: 'builtin/extractive', price: { input: 0, output: 0 } })
      expect(made.findModel('gpt-4o')).toBeUndefined()
    })

    it('changes nothing when nothing changed, and only what it says', async () => {
      const { database } = await fresh()
      const first = start(database)
      await first.made.discover({ openai })
      const before = await stored(database)
      await first.made.close()

      const second = start(database)
      await second.made.discover({ openai })
      expect(await stored(database)).toEqual(before)
      const [, view] = await second.made.list()
      await second.made.update(view!.id, { weight: 7, prices: { 'gpt-4o': { input: 1, output: 2 } } })
      await second.made.close()

      const third = start(database)
      await third.made.discover({ openai: { url: 'https://eu.example/v1', secret: 'another secret' } })
      expect((await third.made.list())[1]).toMatchObject({
        endpoint: 'https://eu.example/v1',
        weight: 7,
        prices: { 'gpt-4o': { input: 1, output: 2 } },
        enabled: true,
      })
      await third.made.refreshModels()
      expect(third.asked.at(-1)).toEqual({ url: 'https://eu.example/v1', secret: 'another secret' })
    })

    it('disables what is gone and forgets its secret, and brings it back with the variable', async () => {
      const { database } = await fresh()
      const first = start(database)
      await first.made.discover({ openai, anthropic })
      await first.made.close()
      const second = start(database)
      await second.made.discover({ anthropic })
      const gone = (await second.made.list())[1]!
      expect(gone).toMatchObject({ name: 'openai', enabled: false, has_secret: false, endpoint: '' })
      expect(await refusal(second.made.update(gone.id, { enabled: true }))).toMatchObject({ code: 'conflict' })
      expect(second.made.findModel('openai/gpt-4o')).toBeUndefined()
      await second.made.close()
      const third = start(database)
      await third.made.discover({ openai, anthropic })
      expect((await third.made.list())[1]).toMatchObject({ id: gone.id, enabled: true, has_secret: true })
    })

    it('does not enable what an administrator disabled', async () => {
      const { database } = await fresh()
      const first = start(database)
      await first.made.discover({ openai })
      await first.made.update((await first.made.list())[1]!.id, { enabled: false })
      await first.made.close()
      const second = start(database)
      await second.made.discover({ openai })
      expect((await second.made.list())[1]).toMatchObject({ enabled: false, endpoint: openai.url })
    })

    it('leaves an administrator’s upstream of the same name alone', async () => {
      const { database } = await fresh()
      const first = start(database)
      await first.made.create({ ...input, name: 'openai' })
      await first.made.discover({ openai })
      expect(first.warnings).toContainEqual(expect.stringContaining('an administrator made'))
      expect((await first.made.list()).find(({ name }) => name === 'openai')).toMatchObject({
        endpoint: input.endpoint,
        source: 'admin',
      })
    })

    it('may be sealed with another master secret than before', async () => {
      const { database } = await fresh()
      const first = start(database)
      await first.made.create(input)
      await first.made.discover({ openai })
      await first.made.close()
      const second = start(database, { secretKey: deriveKey('other', 'upstreams') })
      await second.made.discover({ openai })
      expect(second.made.health().map(({ name }) => name)).toEqual(['builtin', 'openai'])
      expect(second.warnings).toContainEqual(expect.stringContaining('cannot be used'))
      expect((await second.made.list())[0]).toMatchObject({ name: 'groq', has_secret: true, secret_hint: '' })
    })
  })

  describe('a local Ollama', () => {
    const url = 'http://127.0.0.1:11434/v1'
    const settled = async (made: Upstreams) => {
      await made.refreshModels()
      await made.close()
    }

    it('is found when it is there, and not missed when it is not', async () => {
      const { database } = await fresh()
      const absent = start(database, { localOllama: url })
      await absent.made.discover({})
      await settled(absent.made)
      expect(absent.warnings).toEqual([])
      expect(await absent.made.list()).toHaveLength(1)

      const found = start(database, { localOllama: url, lists: { [url]: ['llama3.2:latest'] } })
      await found.made.discover({})
      await expect.poll(() => names(found.made)).toEqual(['llama3.2:latest', 'builtin/extractive'])
      expect(found.made.findModel('llama3.2')?.price).toEqual({ input: 0, output: 0 })
      expect(found.made.defaultModel()).toBe('llama3.2:latest')
      await settled(found.made)

      const again = start(database, { localOllama: url })
      await again.made.discover({})
      await expect.poll(async () => (await again.made.list())[1]).toMatchObject({ name: 'ollama', enabled: false })
    })

    it('is not looked for when the environment names one', async () => {
      const { database } = await fresh()
      const given = start(database, { localOllama: url })
      await given.made.discover({ ollama: { url: 'http://gpu.lan:11434/v1' } })
      await settled(given.made)
      expect(new Set(given.asked.map((endpoint) => endpoint.url))).toEqual(new Set(['http://gpu.lan:11434/v1']))
    })
  })

  describe('the lists of models', () => {
    it('are kept when asking fails, and taken over when it does not', async () => {
      const { database } = await fresh()
      const { made, lists, warnings } = start(database)
      lists[openai.url] = ['gpt-4o']
      await made.discover({ openai })
      await made.create(input)
      lists[input.endpoint] = ['qwen3']
      await made.refreshModels()
      const both = ['gpt-4o', 'qwen3', 'builtin/extractive']
      expect(names(made)).toEqual(both)
      const down = new AppError('upstream-unreachable', 'down')
      Object.assign(lists, { [openai.url]: down, [input.endpoint]: down })
      await made.refreshModels()
      expect(names(made)).toEqual(both)
      expect(warnings).toContainEqual(expect.stringContaining('did not list'))
      lists[openai.url] = ['gpt-5', 'gpt-4o']
      await made.refreshModels()
      expect(names(made)).toEqual(['gpt-5', 'gpt-4o', 'qwen3', 'builtin/extractive'])
    })

    it('outlive a restart', async () => {
      const { database } = await fresh()
      const first = start(database, { lists: { [openai.url]: ['gpt-4o'] } })
      await first.made.discover({ openai })
      await first.made.refreshModels()
      await first.made.close()
      const second = start(database)
      await second.made.discover({ openai })
      expect(names(second.made)).toEqual(['gpt-4o', 'builtin/extractive'])
    })

    it('are asked for while nobody waits', async () => {
      const { database } = await fresh()
      const gate = Promise.withResolvers<string[]>()
      const provider: Provider = { ...scriptedProvider(), listModels: () => gate.promise }
      const { made } = start(database, { providers: { 'openai-compatible': provider } })
      await made.discover({ openai })
      expect(made.findModel('anything')).toMatchObject({ upstream: 'openai' })
      gate.resolve(['gpt-4o'])
      await made.refreshModels()
      expect(made.findModel('anything')).toBeUndefined()
    })
  })

  it('leaves a model that thinks in silence, or writes a long call that is held back, minutes for it', async () => {
    const { database } = await fresh()
    const provider = scriptedProvider()
    const { made } = start(database, { providers: { 'openai-compatible': provider } })
    await made.create({ ...input, models: ['m'] })
    await drain((await made.openModel(query, { signal: new AbortController().signal, onRetry: () => undefined })).parts)
    const { firstPartMs, betweenPartsMs } = provider.ios[0]!.timeouts
    expect(Math.min(firstPartMs, betweenPartsMs)).toBeGreaterThanOrEqual(5 * 60_000)
  })

  it('sees within five seconds what another process changes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    cleanUps.push(async () => vi.useRealTimers())
    const { database } = await fresh()
    const here = start(database)
    await here.made.discover({})
    const there = start(database)
    await there.made.discover({})
    const view = await there.made.create({ ...input, models: ['m'] })
    expect(names(here.made)).toEqual(['builtin/extractive'])
    vi.advanceTimersByTime(5_000)
    await expect.poll(() => names(here.made)).toEqual(['m', 'builtin/extractive'])
    await there.made.update(view.id, { models: ['n'] })
    vi.advanceTimersByTime(5_000)
    await expect.poll(() => names(here.made)).toEqual(['n', 'builtin/extractive'])
    await there.made.remove(view.id)
    vi.advanceTimersByTime(5_000)
    await expect.poll(() => names(here.made)).toEqual(['builtin/extractive'])
  })

  it('asks for the lists again every ten minutes, and for nothing after it was closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    cleanUps.push(async () => vi.useRealTimers())
    const { database } = await fresh()
    const { made, asked } = start(database, { lists: { [openai.url]: ['gpt-4o'] } })
    await made.discover({ openai })
    await expect.poll(() => asked.length).toBe(1)
    await made.refreshModels()
    const before = asked.length
    vi.advanceTimersByTime(600_000)
    await expect.poll(() => asked.length).toBe(before + 1)
    await made.close()
    vi.advanceTimersByTime(6_000_000)
    await made.refreshModels()
    expect(vi.getTimerCount()).toBe(0)
  })
})
