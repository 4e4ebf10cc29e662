import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ModelPart } from '../spec.ts'
import { ChunkReader } from './from-chunks.ts'

/** What a server may write around a content, and ways to write the JSON itself. */
const shell = fc.record({
  id: fc.constantFrom('chatcmpl-1', 'say "content": ""', '\\'),
  extra: fc.constantFrom({}, { system_fingerprint: 'fp' }, { note: { content: 'x' } }, { usage: null }),
  role: fc.constantFrom({}, { role: 'assistant' }, { refusal: null }),
  spaces: fc.boolean(),
})

const contents = fc.array(
  fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', '"content":"', '}', '\ud83d')),
  { maxLength: 12 },
)

it('gives of every stream what parsing each chunk by itself gives', () =>
  fc.assert(
    fc.property(fc.array(shell, { minLength: 1, maxLength: 2 }), contents, (shells, texts) => {
      const chunks = texts.map((content, index) => {
        const { id, extra, role, spaces } = shells[index % shells.length]!
        const chunk = { id, ...extra, choices: [{ index: 0, delta: { ...role, content }, finish_reason: null }] }
        return spaces ? JSON.stringify(chunk, null, 1).replaceAll('\n', '') : JSON.stringify(chunk)
      })
      const learned: ModelPart[] = []
      const reader = new ChunkReader({})
      for (const chunk of chunks) reader.readEvent(chunk, 'message', learned)
      const parsed: ModelPart[] = []
      const plain = new ChunkReader({})
      for (const chunk of chunks) plain.read(JSON.parse(chunk), chunk, parsed)
      expect(learned).toEqual(parsed)
    }),
    { numRuns: 500 },
  ))

it('parses what only looks like the chunk before: a finish, an error, a number', () => {
  const reader = new ChunkReader({})
  const parts: ModelPart[] = []
  const chunk = (content: string, finish: string) =>
    `{"choices":[{"index":0,"delta":{"content":${content}},"finish_reason":${finish}}]}`
  for (const text of ['"a"', '"b"', '"c"']) reader.readEvent(chunk(text, 'null'), 'message', parts)
  reader.readEvent(chunk('"d"', '"stop"'), 'message', parts)
  expect(parts.map((part) => (part.type === 'text' ? part.text : part.type))).toEqual(['a', 'b', 'c', 'd'])
  expect(reader.finish()).toMatchObject({ type: 'finish', finishReason: 'stop' })
  expect(() => reader.readEvent(chunk('"e" "f"', 'null'), 'message', parts)).toThrow('not a JSON object')
  expect(() => reader.readEvent(`${chunk('"e"', 'null')}`.replace('"e"', '"e'), 'message', parts)).toThrow()
})
