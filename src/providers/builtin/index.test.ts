import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { Message, Part } from '#contracts/index.ts'
import { estimateTokens } from '#lib/tokens.ts'
import type { ModelCall, ModelPart, ProviderIo } from '../spec.ts'
import { builtin } from './index.ts'

const say = (role: Message['role'], text: string, ...parts: Part[]): Message => ({
  role,
  parts: [{ type: 'text', text }, ...parts],
})
const file = (name: string, text: string): Part => ({ type: 'file', name, mediaType: 'text/plain', text })
const ask = (question: string, ...parts: Part[]): Message[] => [say('user', question, ...parts)]
const never = new AbortController().signal

function call(messages: Message[], change: Partial<ModelCall> = {}): ModelCall {
  return {
    endpoint: { url: '' },
    model: 'extractive',
    messages,
    sampling: {},
    tools: [],
    options: {},
    whole: false,
    ...change,
  }
}

function stream(modelCall: ModelCall, signal = never): AsyncIterable<ModelPart[]> {
  const timeouts = { connectMs: 1, firstPartMs: 1, betweenPartsMs: 1, wholeMs: 1 }
  return builtin.streamModel(modelCall, { signal, timeouts } as unknown as ProviderIo)
}

const textIn = (parts: ModelPart[]): string => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

async function collect(modelCall: ModelCall) {
  const batches = await Array.fromAsync(stream(modelCall))
  const parts = batches.flat()
  return {
    batches,
    parts,
    text: textIn(parts),
    sources: parts.flatMap((part) => (part.type === 'source' ? [part.source] : [])),
    finish: parts.find((part) => part.type === 'finish'),
  }
}

const handbook = `# Refunds
Goods may be returned within fourteen days. The receipt must be shown.

# Opening hours
The shop opens at nine and closes at six. On Sundays it stays closed.

# Parking
Cars may be parked behind the house for two hours.`

describe('quoting', () => {
  test('the passage that answers is quoted and cited', async () => {
    const { text, sources, finish } = await collect(
      call(ask('When does the shop open?', file('handbook.md', handbook))),
    )
    expect(text).toContain('No language model is configured')
    expect(text).toContain('> # Opening hours\n> The shop opens at nine and closes at six. [1]')
    expect(text).toContain('[1] handbook.md, line 4')
    expect(sources[0]).toMatchObject({
      id: 's1',
      title: 'handbook.md',
      content: '# Opening hours\nThe shop opens at nine and closes at six.',
    })
    expect(finish).toMatchObject({ finishReason: 'stop', usage: { estimated: false } })
  })

  test('the conversation and pasted text are sources too', async () => {
    const told = [say('user', 'My dog is called Rex and he is three years old.'), say('assistant', 'Nice.')]
    expect((await collect(call([...told, ...ask('How old is my dog?')]))).sources[0]?.content).toContain('Rex')
    const pasted = `${handbook}\n\nHow long may cars be parked?`
    expect((await collect(call(ask(pasted)))).sources[0]).toMatchObject({ title: 'Your message' })
  })

  test('its own earlier answer is not quoted again', async () => {
    const first = ask('When does the shop open?', file('handbook.md', handbook))
    const { text, sources } = await collect(call(first))
    const second = await collect(call([...first, say('assistant', text), ...ask('When does the shop open?')]))
    expect(second.sources.map(({ title }) => title)).toEqual(sources.map(() => 'handbook.md'))
  })

  test('an earlier question is not an answer', async () => {
    const messages = [
      ...ask('Where in the whole wide world can penguins be found today?'),
      ...ask('Where are penguins found?'),
    ]
    expect((await collect(call(messages))).sources).toEqual([])
  })
})

describe('honesty', () => {
  test.each(['Hello!', 'What is the capital of France?', '', 'नमस्ते', '안녕하세요'])(
    '%j with no source',
    async (question) => {
      const { text, sources, finish } = await collect(call(ask(question)))
      expect(sources).toEqual([])
      expect(text).toContain('No language model is configured')
      for (const name of ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GEMINI_API_KEY', 'OLLAMA_HOST'])
        expect(text).toContain(name)
      expect(text).not.toMatch(/^>/m)
      expect(finish).toMatchObject({ finishReason: 'stop' })
    },
  )

  test.each([
    'Hello!',
    'Who won the football match yesterday?',
    'Please write a poem about nine autumn leaves falling softly in Kyoto.',
  ])('%j when the source does not speak of it', async (question) => {
    const { text, sources } = await collect(call(ask(question, file('handbook.md', handbook))))
    expect(sources).toEqual([])
    expect(text).toContain('no passage that matches')
  })

  test('what was left out or not read is told', async () => {
    const pdf: Part = { type: 'file', name: 'scan[1].pdf', mediaType: 'application/pdf', data: 'AAAA' }
    const big = file('big.txt', `The pump starts at noon.\n${'A line of nothing much.\n'.repeat(21_000)}`)
    const { text } = await collect(call(ask('When does the pump start?', pdf, big)))
    expect(text).toContain('> The pump starts at noon. [1]')
    expect(text).toContain('part of it was left out')
    expect(text).toContain('scan\\[1\\].pdf')
  })

  test('no messages at all', async () => {
    expect((await collect(call([]))).text).toContain('No language model is configured')
  })
})

const word = fc.constantFrom(
  'pump',
  'valve',
  '水泵',
  'शहर',
  'opens',
  'Is',
  'noon.',
  'bar?',
  '。',
  '\n',
  '\r\n',
  '\r',
  '\n\n',
  '#',
  '> x',
  '[1]',
  '🙂',
  'ab',
)
const prose = fc.array(word, { maxLength: 60 }).map((words) => words.join(' '))
const anyCall = fc
  .record({ files: fc.array(prose, { maxLength: 3 }), earlier: prose, question: prose, whole: fc.boolean() })
  .map(({ files, earlier, question, whole }) => {
    const parts = files.map((text, index) => file(`f${index}.txt`, text))
    return call([say('user', earlier), say('assistant', 'Fine.'), ...ask(question, ...parts)], { whole })
  })

describe('for any call', () => {
  test('quotes are verbatim; sources come first, numbered as cited; the same call gives the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(anyCall, async (modelCall) => {
        const { batches, parts, text, sources, finish } = await collect(modelCall)
        const given = modelCall.messages.flatMap(({ parts }) => parts.map((part) => ('text' in part ? part.text : '')))
        sources.forEach((source, index) => {
          expect(source.id).toBe(`s${index + 1}`)
          expect(source.score).toBeGreaterThan(0)
          expect(source.score).toBeLessThanOrEqual(1)
          expect(given.some((whole) => whole?.includes(source.content))).toBe(true)
          const quoted = `\n\n> ${source.content.replace(/\r\n?|\n/g, '$&> ')} [${index + 1}]\n`
          const own = parts.findIndex((part) => part.type === 'source' && part.source.id === source.id)
          const after = textIn(parts.slice(own))
          expect(modelCall.whole ? after.includes(quoted) : after.startsWith(quoted)).toBe(true)
        })
        expect(text).toContain('No language model is configured')
        expect(parts.at(-1)).toBe(finish)
        expect(finish?.type === 'finish' && finish.usage?.outputTokens).toBe(estimateTokens(text))
        if (modelCall.whole) expect(parts.filter(({ type }) => type === 'text')).toHaveLength(1)
        expect((await collect(structuredClone(modelCall))).batches).toEqual(batches)
        expect((await collect({ ...modelCall, whole: !modelCall.whole })).text).toBe(text)
      }),
      { numRuns: 150 },
    )
  })

  test('maxOutputTokens is kept, and what is cut is a prefix', async () => {
    await fc.assert(
      fc.asyncProperty(anyCall, fc.integer({ min: 0, max: 80 }), async (modelCall, maxOutputTokens) => {
        const full = await collect(modelCall)
        const short = await collect({ ...modelCall, sampling: { maxOutputTokens } })
        const fits = estimateTokens(full.text) <= maxOutputTokens
        expect(full.text.startsWith(short.text)).toBe(true)
        expect(short.finish).toMatchObject({ finishReason: fits ? 'stop' : 'length' })
        expect(estimateTokens(short.text)).toBeLessThanOrEqual(maxOutputTokens)
        expect(short.sources.length).toBeLessThanOrEqual(full.sources.length)
      }),
      { numRuns: 60 },
    )
  })
})

test('the clock, the zone and chance change nothing', async () => {
  const modelCall = call(ask('When does the shop open?', file('handbook.md', handbook)))
  const { batches } = await collect(modelCall)
  const now = vi.spyOn(Date, 'now').mockReturnValue(0)
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.999)
  expect((await collect(modelCall)).batches).toEqual(batches)
  expect(now).not.toHaveBeenCalled()
  expect(random).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})

test('a stop text ends the answer before it', async () => {
  const modelCall = call(ask('When does the shop open?', file('handbook.md', handbook)))
  const { text, sources, finish } = await collect({ ...modelCall, sampling: { stop: ['', 'zzz', '\n\n>'] } })
  expect(text.endsWith('best:')).toBe(true)
  expect(sources).toEqual([])
  expect(finish).toMatchObject({ finishReason: 'stop' })
})

test.each([
  [{ toolChoice: 'required' }, 'tool_choice'],
  [{ toolChoice: { name: 'search' } }, 'tool_choice'],
  [{ responseFormat: { type: 'json' } }, 'response_format'],
  [{ responseFormat: { type: 'json-schema', name: 'x', schema: {} } }, 'response_format'],
] as [Partial<ModelCall>, string][])('%j is unsupported', async (change, field) => {
  await expect(collect(call(ask('Hi'), change))).rejects.toMatchObject({ code: 'unsupported', details: { field } })
})

describe('cancelling', () => {
  const modelCall = call(ask('When does the shop open?', file('handbook.md', handbook)))

  test('before the start', async () => {
    const iterator = stream(modelCall, AbortSignal.abort())[Symbol.asyncIterator]()
    await expect(iterator.next()).rejects.toMatchObject({ name: 'AppError', code: 'cancelled' })
  })

  test('while the answer streams', async () => {
    const controller = new AbortController()
    let seen = 0
    const run = async (): Promise<void> => {
      for await (const _ of stream(modelCall, controller.signal)) if (++seen === 5) controller.abort()
    }
    await expect(run()).rejects.toMatchObject({ code: 'cancelled' })
    expect(seen).toBeLessThan(25)
  })

  test('while a large source is read', async () => {
    const controller = new AbortController()
    const large = call(ask('When does the pump start?', file('big.txt', 'The pump starts at noon. '.repeat(70_000))))
    setImmediate(() => controller.abort())
    await expect(stream(large, controller.signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'cancelled',
    })
  })
})

test.each(['a', ' ', '\n', '.', '?', '法', 'ก', 'क', '🙂', '> ', 'pump ', 'A. ', '<', '가', '#\n', 'pump?\n'])(
  'two megabytes of %j neither stall the server nor break the answer',
  async (piece) => {
    const text = piece.repeat(2_000_000 / piece.length)
    let turns = 0
    const others = setInterval(() => turns++, 1)
    const { text: answer } = await collect(call(ask(`pump 法 ก क 가 ${text}?`, file('a.html', text))))
    clearInterval(others)
    expect(answer.length).toBeLessThan(20_000)
    expect(turns).toBeGreaterThan(0)
  },
)

test('lists its one model', async () => {
  expect(await builtin.listModels({ url: '' }, {} as ProviderIo)).toEqual(['extractive'])
})
