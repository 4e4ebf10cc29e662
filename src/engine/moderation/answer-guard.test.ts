import { describe, expect, it } from 'vitest'
import { type Guardrail, type Part, type TurnEvent, textOf } from '#contracts/index.ts'
import type { Moderate } from '#providers/spec.ts'
import { cutUp, ruleOf } from '#test/support/guardrails.ts'
import { PartWriter } from '../part-writer.ts'
import type { Piece } from './answer-guard.ts'
import { compileRules } from './compile.ts'
import { Guard } from './guard.ts'

const secret = (action: 'block' | 'mask' | 'flag' = 'mask') =>
  ruleOf({ kind: 'words', words: ['secret'], match: 'part', replacement: '#' }, action, { where: 'output' })

/** An answer under rules. `write` gives batches as an upstream does; what was shown after each is kept. */
async function answering(rules: Guardrail[], moderate?: Moderate) {
  const events: TurnEvent[] = []
  const writer = new PartWriter(
    (event) => events.push(event),
    () => 'server',
    0,
  )
  const guard = new Guard(await compileRules(rules), {
    openModel: () => Promise.reject(new Error('no judge here')),
    moderate: moderate ?? (() => Promise.reject(new Error('no endpoint here'))),
    now: () => 0,
    log: { warn: () => undefined },
    timeouts: { endpointMs: 60_000, judgeMs: 60_000 },
  })
  const answer = guard.answer(writer)!
  const { signal } = new AbortController()
  const shown = () =>
    events.map((event) => ('text' in event && typeof event.text === 'string' ? event.text : '')).join('')
  return {
    guard,
    answer,
    writer,
    events,
    shown,
    async write(...pieces: Piece[]): Promise<string> {
      for (const piece of pieces) answer.write(piece)
      if (answer.isDue) await answer.settle(signal)
      return shown()
    },
    async end(complete = true): Promise<Part[]> {
      await answer.end(complete, signal)
      writer.end(complete && !answer.isRefused)
      return writer.parts
    },
  }
}

const text = (...texts: string[]): Piece[] => texts.map((piece) => ({ type: 'text', text: piece }))

describe('an answer under guardrails', () => {
  it('of ten thousands of calls is let through in order', async () => {
    const { write, end } = await answering([secret()])
    const pieces = Array.from({ length: 30_000 }, (_, index): Piece[] => [
      { type: 'tool-input-start', index, callId: `c${index}`, name: 'look' },
      { type: 'tool-input-delta', index, text: `{"at":${index}}` },
    ])
    await write(...pieces.flat())
    const calls = await end()
    expect(calls).toHaveLength(30_000)
    expect(calls.at(-1)).toMatchObject({ callId: 'c29999', arguments: '{"at":29999}' })
  })

  it('is shown as it comes, but for what may become a find', async () => {
    const { write, end } = await answering([secret()])
    expect(await write(...text('The '))).toBe('The ')
    expect(await write(...text('sec'))).toBe('The ')
    expect(await write(...text('tor and the secre'))).toBe('The sector and the ')
    expect(await write(...text('t.'))).toBe('The sector and the #.')
    expect(textOf(await end())).toBe('The sector and the #.')
  })

  it('shows the rest when it ends, also when it breaks off', async () => {
    for (const complete of [true, false]) {
      const { write, end } = await answering([secret()])
      await write(...text('The sec'))
      expect(textOf(await end(complete))).toBe('The sec')
    }
  })

  it('ends with what is blocked, and says nothing more', async () => {
    const { write, end, answer, guard } = await answering([secret('block')])
    await write(...text('It is a sec', 'ret, and more'), { type: 'reasoning', text: 'hm' })
    expect(answer.isRefused).toBe(true)
    expect(await write(...text('more'))).toBe('It is a ')
    expect(textOf(await end())).toBe('It is a ')
    expect(guard.refusal).toMatchObject({ code: 'content-blocked', details: { where: 'output' } })
    expect(guard.notes.list()).toMatchObject([{ place: 'text', count: 1, excerpt: 'It is a #' }])
  })

  it('keeps what the model wrote in order, whatever it is', async () => {
    const { write, end } = await answering([secret()])
    await write(
      { type: 'reasoning', text: 'think' },
      { type: 'reasoning-end', signature: 'seal' },
      ...text('one'),
      { type: 'source', source: { id: 's1', title: 'a secret', content: 'c', url: 'https://secret.example' } },
      { type: 'audio', data: 'AA', transcript: 'say ' },
      { type: 'audio', data: 'BB', transcript: 'it' },
      ...text('two'),
      { type: 'tool-input-start', index: 0, callId: 'a', name: 'look_up' },
      { type: 'tool-input-delta', index: 0, text: '{"q":"sec' },
      { type: 'tool-input-start', index: 1, callId: 'b', name: 'look_up' },
      { type: 'tool-input-delta', index: 0, text: 'ret"}' },
      { type: 'tool-input-delta', index: 1, text: '{}' },
      { type: 'refusal', text: 'no' },
    )
    expect(await end()).toEqual([
      { type: 'reasoning', text: 'think', signature: 'seal' },
      { type: 'text', text: 'one' },
      { type: 'source', source: { id: 's1', title: 'a #', content: 'c' } },
      { type: 'audio', data: 'AABB', format: '', transcript: 'say it' },
      { type: 'text', text: 'two' },
      { type: 'refusal', text: 'no' },
      { type: 'tool-call', callId: 'a', name: 'look_up', arguments: '{"q":"#"}' },
      { type: 'tool-call', callId: 'b', name: 'look_up', arguments: '{}' },
    ])
  })

  it.for([
    ['text', [{ type: 'text', text: 'a secret' }]],
    ['reasoning', [{ type: 'reasoning', text: 'a secret' }]],
    ['refusal', [{ type: 'refusal', text: 'a secret' }]],
    ['source', [{ type: 'source', source: { id: 's', title: 't', content: 'a secret' } }]],
    ['audio', [{ type: 'audio', data: 'AA', transcript: 'a secret' }]],
    [
      'tool-call',
      [
        { type: 'tool-input-start', index: 0, callId: 'a', name: 'f' },
        { type: 'tool-input-delta', index: 0, text: '{"a":"\\u0073ecret"}' },
      ],
    ],
  ] as [string, Piece[]][])('is looked at in its %s', async ([place, pieces]) => {
    const { write, end, answer, guard, shown } = await answering([secret('block')])
    await write(...pieces)
    const parts = await end()
    expect(answer.isRefused).toBe(true)
    expect(guard.notes.list()).toMatchObject([{ place, where: 'output' }])
    expect(shown() + JSON.stringify(parts)).not.toMatch(/secret|AA|0073/)
  })

  it('finds what stands on both sides of something else', async () => {
    const { write, answer } = await answering([secret('block')])
    await write(...text('a sec'), { type: 'reasoning', text: 'hm' }, ...text('ret.'))
    expect(answer.isRefused).toBe(true)
  })

  it('is not let through as sound when its words would be masked', async () => {
    const { write, answer, shown } = await answering([secret('mask')])
    await write({ type: 'audio', data: 'AA', transcript: 'a sec' }, { type: 'audio', data: 'BB', transcript: 'ret' })
    expect(answer.isRefused).toBe(false)
    await write(...text('.'))
    expect(answer.isRefused).toBe(true)
    expect(shown()).toBe('')
  })

  it('gives the model its own reasoning back unmasked where that is sealed, and nobody else', async () => {
    const { write, end, answer } = await answering([secret()])
    await write(
      { type: 'reasoning', text: 'a secret plan' },
      { type: 'reasoning-end', signature: 'seal' },
      ...text('ok'),
    )
    expect(await end()).toEqual([
      { type: 'reasoning', text: 'a # plan' },
      { type: 'text', text: 'ok' },
    ])
    expect(answer.partsForModel()[0]).toEqual({ type: 'reasoning', text: 'a secret plan', signature: 'seal' })
  })

  it('does not pass on what names every token', async () => {
    const { write, events } = await answering([secret()])
    await write({ type: 'text', text: 'hello there', logprobs: [{ token: 'hello' }] })
    expect(JSON.stringify(events)).not.toContain('logprobs')
  })

  it('is not held back, and keeps its tokens, when rules only look on', async () => {
    const { write, events, end, guard } = await answering([secret('flag')])
    await write({ type: 'text', text: 'sec', logprobs: [{ token: 'sec' }] }, ...text('ret'))
    expect(events.at(-1)).toMatchObject({ type: 'text-delta', text: 'ret' })
    expect(events[1]).toMatchObject({ logprobs: [{ token: 'sec' }] })
    await end()
    expect(guard.notes.list()).toHaveLength(1)
  })

  it('costs what the upstream wrote, shown or not', async () => {
    const { write, answer } = await answering([secret('block')])
    await write(...text('a secret'))
    expect(answer.written).toBe('a secret')
  })
})

describe('an answer that somebody is asked about', () => {
  const endpoint = (action: 'block' | 'mask' | 'flag' = 'block') =>
    ruleOf({ kind: 'endpoint', upstream: 'sim', onOutage: 'closed', replacement: '#' }, action, { where: 'output' })

  /** Flags what has `bad` in it. */
  function moderation() {
    const asked: string[] = []
    const moderate: Moderate = async ({ texts }) => {
      asked.push(...texts)
      return texts.map((some) => ({ flagged: some.includes('bad'), categories: [], scores: {} }))
    }
    return { asked, moderate }
  }

  it('is shown sentence by sentence, once it was let through', async () => {
    const { asked, moderate } = moderation()
    const { write, end, shown } = await answering([endpoint()], moderate)
    expect(await write(...text('One sentence'))).toBe('')
    expect(await write(...text('. And ano'))).toBe('One sentence. ')
    expect(asked).toEqual(['One sentence. '])
    await write(...text('ther that grows and grows until it is long enough'))
    await end()
    expect(shown()).toBe('One sentence. And another that grows and grows until it is long enough')
    // With what came before it, so that a meaning over two sentences is seen.
    expect(asked[1]).toBe('One sentence. And another that grows and grows until it is long enough')
  })

  it('ends before the sentence that is blocked', async () => {
    const { moderate } = moderation()
    const { write, shown, answer } = await answering([endpoint()], moderate)
    await write(...text('Good. '))
    await write(...text('This one is b', 'ad, as everybody will see at once. And so on'))
    expect(answer.isRefused).toBe(true)
    expect(shown()).toBe('Good. ')
  })

  it('has the piece masked that was found', async () => {
    const { moderate } = moderation()
    const { write, end, shown } = await answering([endpoint('mask')], moderate)
    await write(...text('Good. '))
    await write(...text('This one is bad, as everybody will see at once. '))
    await write(...text('This is long enough to be asked about by itself, and more than enough. '.repeat(20)))
    await end()
    expect(shown().startsWith('Good. #')).toBe(true)
    expect(shown()).not.toContain('bad')
  })

  it('is asked about rarely when it is long, and never about much at once', async () => {
    const { asked, moderate } = moderation()
    const { write, end, shown } = await answering([endpoint()], moderate)
    const long = 'A sentence of some length. '.repeat(2_000) + 'x'.repeat(20_000)
    for (const piece of cutUp(long, 20)) await write(...text(piece))
    await end()
    expect(shown()).toBe(long)
    expect(asked.length).toBeLessThan(100)
    for (const question of asked) expect(question.length).toBeLessThanOrEqual(5_000)
  })

  it('is looked at by the other rules first', async () => {
    const { asked, moderate } = moderation()
    const { write, end } = await answering([endpoint(), secret()], moderate)
    await write(...text('It is a secret. '))
    await end()
    expect(asked).toEqual(['It is a #. '])
  })

  it('is not shown when nobody can be asked, unless the rule says so', async () => {
    const broken: Moderate = () => Promise.reject(new Error('gone'))
    const closed = await answering([endpoint()], broken)
    await closed.write(...text('Hello. '))
    expect(closed.shown()).toBe('')
    expect(closed.guard.refusal).toBeDefined()
    expect(closed.guard.notes.list()).toMatchObject([{ outage: true }])
    const rule = ruleOf({ kind: 'endpoint', upstream: 'sim', onOutage: 'open' }, 'block', { where: 'output' })
    const open = await answering([rule], broken)
    await open.write(...text('Hello. '))
    expect(open.shown()).toBe('Hello. ')
    expect(open.guard.notes.list()).toEqual([])
  })

  it('waits for nobody who only wants to know', async () => {
    const { asked, moderate } = moderation()
    const { write, end, guard } = await answering([endpoint('flag')], moderate)
    expect(await write(...text('This is bad. '))).toBe('This is bad. ')
    expect(asked).toEqual([])
    await end()
    expect(asked).toEqual(['This is bad. '])
    expect(guard.notes.list()).toHaveLength(1)
  })

  it('has its arguments and reasoning asked about too', async () => {
    const { moderate } = moderation()
    const { write, end, guard, shown } = await answering([endpoint()], moderate)
    await write(
      { type: 'tool-input-start', index: 0, callId: 'a', name: 'f' },
      { type: 'tool-input-delta', index: 0, text: '{"q":"bad"}' },
    )
    await end()
    expect(guard.refusal).toBeDefined()
    expect(shown()).toBe('')
  })
})
