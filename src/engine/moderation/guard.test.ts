import { describe, expect, it } from 'vitest'
import type { Guardrail, Message, Part } from '#contracts/index.ts'
import { ruleOf } from '#test/support/guardrails.ts'
import { PartWriter } from '../part-writer.ts'
import type { AskDeps } from './asking.ts'
import { compileRules } from './compile.ts'
import { Guard } from './guard.ts'
import { Work } from './text-filter.ts'

const nobody: AskDeps = {
  openModel: () => Promise.reject(new Error('no judge here')),
  moderate: () => Promise.reject(new Error('no endpoint here')),
  now: () => 0,
  log: { warn: () => undefined },
  timeouts: { endpointMs: 60_000, judgeMs: 60_000 },
}

async function guarding(...rules: Guardrail[]): Promise<Guard> {
  return new Guard(await compileRules(rules), nobody, new Work(500_000))
}

const user = (text: string): Message => ({ role: 'user', parts: [{ type: 'text', text }] })
const secret = (action: Guardrail['action'], id = 1) =>
  ruleOf({ kind: 'words', words: ['secret'], match: 'part', replacement: '#' }, action, { id })
/** In as many states as a rule may have, as long as there are letters. */
const greedy = (action: Guardrail['action'], id: number) =>
  ruleOf({ kind: 'pattern', pattern: '(?:[a-z]?){90}!', ignoreCase: false }, action, { id })

describe('messages under guardrails', () => {
  it('are masked wherever a model would read them, and otherwise stay what they were', async () => {
    const guard = await guarding(secret('mask'))
    const image = { type: 'image' as const, url: 'https://example.org/secret.png' }
    const messages: Message[] = [
      { role: 'system', parts: [{ type: 'text', text: 'Keep the secret.' }] },
      { role: 'user', name: 'secretary', parts: [{ type: 'text', text: 'a secret' }, image] },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'secret', signature: 'seal' },
          { type: 'text', text: 'the secret' },
          { type: 'tool-call', callId: 'c', name: 'f', arguments: '{"a":"secret"}' },
        ],
      },
      { role: 'tool', parts: [{ type: 'tool-result', callId: 'c', result: 'secret!', isError: false }] },
      {
        role: 'user',
        parts: [
          { type: 'file', name: 'secret.txt', mediaType: 'text/plain', data: btoa('in a file: secret') },
          { type: 'file', name: 'b.bin', mediaType: 'application/octet-stream', data: btoa('secret') },
          { type: 'file', name: 'c.md', mediaType: 'text/markdown', text: 'secret' },
        ],
      },
    ]
    expect(await guard.readMessages(messages)).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'Keep the #.' }] },
      { role: 'user', name: '#ary', parts: [{ type: 'text', text: 'a #' }, image] },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'secret', signature: 'seal' },
          { type: 'text', text: 'the #' },
          { type: 'tool-call', callId: 'c', name: 'f', arguments: '{"a":"#"}' },
        ],
      },
      { role: 'tool', parts: [{ type: 'tool-result', callId: 'c', result: '#!', isError: false }] },
      {
        role: 'user',
        parts: [
          { type: 'file', name: '#.txt', mediaType: 'text/plain', text: 'in a file: #' },
          { type: 'file', name: 'b.bin', mediaType: 'application/octet-stream', data: btoa('secret') },
          { type: 'file', name: 'c.md', mediaType: 'text/markdown', text: '#' },
        ],
      },
    ])
    // Only what is new: not what stands before the last answer, nor that answer.
    expect(guard.notes.list()).toMatchObject([
      { place: 'tool-result', count: 1 },
      { place: 'message', count: 3 },
    ])
  })

  it('keep nothing of what is refused, nor anything that is no text', async () => {
    const guard = await guarding(secret('block'))
    const read = await guard.readMessages([
      { role: 'user', parts: [{ type: 'text', text: 'a secret of ann@example.org' }] },
      { role: 'user', parts: [{ type: 'image', url: 'https://example.org/x.png' }] },
    ])
    expect(read).toEqual([
      { role: 'user', parts: [{ type: 'text', text: 'a # of [email]' }] },
      { role: 'user', parts: [] },
    ])
    expect(guard.refusal).toMatchObject({ code: 'content-blocked', details: { where: 'input' } })
    expect(guard.refusal!.message).not.toContain('secret')
  })

  it('have twenty notes at most, each with nothing of what was found', async () => {
    const rules = Array.from({ length: 30 }, (_, index) => secret('flag', index + 1))
    const bomb = ruleOf({ kind: 'words', words: ['bomb'], match: 'part' }, 'flag', { id: 99 })
    const guard = await guarding(bomb, ...rules)
    await guard.readMessages([user('bomb \0\ud83d 4111 1111 1111 1111 secret bomb and a secret')])
    const notes = guard.notes.list()
    expect(notes).toHaveLength(20)
    for (const { excerpt } of notes) {
      expect(excerpt).not.toMatch(/secret|bomb|4111|\0/)
      expect(excerpt.isWellFormed()).toBe(true)
      expect(excerpt.length).toBeLessThanOrEqual(60)
    }
  })
})

describe('what is added to a running turn', () => {
  const { signal } = new AbortController()
  const image: Part = { type: 'image', url: 'https://example.org/x.png' }
  const inline = (name: string, text: string): Part => ({
    type: 'file',
    name,
    mediaType: 'text/plain',
    data: btoa(text),
  })
  const extracted = (name: string, text: string): Part => ({ type: 'file', name, mediaType: 'text/markdown', text })

  it('is masked wherever a model would read it', async () => {
    const guard = await guarding(secret('mask'))
    const parts: Part[] = [
      { type: 'text', text: 'a secret' },
      image,
      inline('secret.txt', 'the secret'),
      inline('b', 'b'),
    ]
    expect(await guard.readSteered(parts, signal)).toEqual([
      { type: 'text', text: 'a #' },
      image,
      { type: 'file', name: '#.txt', mediaType: 'text/plain', text: 'the #' },
      inline('b', 'b'),
    ])
    expect(guard.notes.list()).toMatchObject([{ where: 'input', place: 'steering', count: 3 }])
  })

  it.for([
    ['a document', inline('a.txt', 'the secret')],
    ['text that was taken out of one', extracted('a.md', 'the secret')],
    ['the name of one', inline('secret.txt', 'nothing')],
    ['its text', { type: 'text', text: 'secret' } satisfies Part],
  ] as const)('is refused for %s, and only text is kept', async ([, part]) => {
    const guard = await guarding(secret('block'))
    const kept = await guard.readSteered([{ type: 'text', text: 'of ann@example.org' }, image, part], signal)
    expect(kept[0]).toEqual({ type: 'text', text: 'of [email]' })
    expect(kept.every(({ type }) => type === 'text')).toBe(true)
    expect(JSON.stringify(kept)).not.toContain('secret')
    expect(guard.refusal).toMatchObject({ code: 'content-blocked', details: { where: 'steering' } })
    expect(guard.notes.list()).toMatchObject([{ where: 'input', place: 'steering' }])
  })

  it.for(['block', 'mask'] as const)('is shown whole to those who are asked: %s', async (action) => {
    const asked: string[] = []
    const check = { kind: 'endpoint', upstream: 'sim', onOutage: 'closed' } as const
    const guard = new Guard(await compileRules([ruleOf(check, action)]), {
      ...nobody,
      async moderate({ texts }) {
        asked.push(...texts)
        return texts.map(() => ({ flagged: true, categories: ['violence'], scores: {} }))
      },
    })
    const read = await guard.readSteered([{ type: 'text', text: 'read this' }, inline('a.txt', 'a threat')], signal)
    expect(asked.join('\n')).toMatch(/read this\s+a threat/)
    const text = '[removed]'
    const file: Part = { type: 'file', name: 'a.txt', mediaType: 'text/plain', text }
    expect(read).toEqual(action === 'block' ? [{ type: 'text', text }] : [{ type: 'text', text }, file])
    expect(guard.refusal?.details).toEqual(action === 'block' ? { where: 'steering' } : undefined)
    expect(guard.notes.list()).toMatchObject([{ place: 'steering', excerpt: '[violence]' }])
  })
})

describe('rules that would take too long', () => {
  const rules = Array.from({ length: 10 }, (_, index) => greedy('mask', index + 1))

  it('refuse a message that nobody could look through, and note that', async () => {
    const guard = await guarding(...rules)
    const read = await guard.readMessages([user('a'.repeat(10_000_000))])
    expect(guard.refusal).toBeDefined()
    expect(guard.notes.list()).toMatchObject([{ outage: true, excerpt: '' }])
    expect(read).toEqual([user('[removed]')])
  })

  it('are not looked at any further when they only tell', async () => {
    const telling = rules.map((rule): Guardrail => ({ ...rule, action: 'flag' }))
    const guard = await guarding(...telling, secret('mask', 99))
    const [read] = await guard.readMessages([user(`${'a'.repeat(100_000)} secret`)])
    expect(guard.refusal).toBeUndefined()
    expect(JSON.stringify(read).slice(-10)).toContain('a #')
  })

  it('do not let an answer through either', async () => {
    const guard = await guarding(...rules)
    const writer = new PartWriter(
      () => undefined,
      () => 'client',
      0,
    )
    const answer = guard.answer(writer)!
    for (let i = 0; i < 1_000 && !answer.isRefused; i++) answer.write({ type: 'text', text: 'a'.repeat(100) })
    expect(answer.isRefused).toBe(true)
  })

  it('are no matter for texts of usual length', async () => {
    const guard = await guarding(greedy('mask', 1), greedy('mask', 2), secret('mask', 3))
    const text = 'a word '.repeat(500)
    expect(await guard.readMessages([user(`${text}secret`)])).toEqual([user(`${text}#`)])
    expect(guard.refusal).toBeUndefined()
  })
})
