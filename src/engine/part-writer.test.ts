import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TurnEvent } from '#contracts/index.ts'
import { PartWriter } from './part-writer.ts'

function writer(firstPart = 0) {
  const events: TurnEvent[] = []
  const made = new PartWriter(
    (event) => void events.push(event),
    (tool) => (tool === 'ours' ? 'server' : 'client'),
    firstPart,
  )
  return {
    made,
    events,
    types: () => events.map((event) => ('part' in event ? `${event.type} ${event.part}` : event.type)),
  }
}

describe('PartWriter', () => {
  it('makes one part of consecutive pieces of a kind, and numbers on from the step before', () => {
    const { made, types } = writer(3)
    made.write({ type: 'reasoning', text: 'hm' })
    made.write({ type: 'text', text: 'a' })
    made.write({ type: 'text', text: '' })
    made.write({ type: 'text', text: 'b' })
    made.write({ type: 'refusal', text: 'no' })
    made.end(true)
    expect(types()).toEqual([
      'part-start 3',
      'reasoning-delta 3',
      'part-end 3',
      'part-start 4',
      'text-delta 4',
      'text-delta 4',
      'part-end 4',
      'part-start 5',
      'refusal-delta 5',
      'part-end 5',
    ])
    expect(made.nextPart).toBe(6)
    expect(made.parts).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'ab' },
      { type: 'refusal', text: 'no' },
    ])
  })

  it('lets tool inputs grow side by side, by index, and says whose they are', () => {
    const { made, events } = writer()
    made.write({ type: 'tool-input-start', index: 1, callId: 'a', name: 'ours' })
    made.write({ type: 'tool-input-start', index: 0, callId: 'b', name: 'theirs', signature: 'sig' })
    made.write({ type: 'tool-input-delta', index: 1, text: '{"x"' })
    made.write({ type: 'tool-input-delta', index: 0, text: '{}' })
    made.write({ type: 'tool-input-delta', index: 1, text: ':1}' })
    made.write({ type: 'tool-input-delta', index: 7, text: 'of nobody' })
    made.end(true)
    expect(made.calls).toEqual([
      { part: 0, callId: 'a', name: 'ours', arguments: '{"x":1}', side: 'server' },
      { part: 1, callId: 'b', name: 'theirs', arguments: '{}', side: 'client', signature: 'sig' },
    ])
    expect(events.filter(({ type }) => type === 'part-start')).toEqual([
      { type: 'part-start', part: 0, kind: 'tool-input', callId: 'a', name: 'ours', side: 'server' },
      { type: 'part-start', part: 1, kind: 'tool-input', callId: 'b', name: 'theirs', side: 'client' },
    ])
    expect(events.at(-1)).toEqual({ type: 'part-end', part: 1, signature: 'sig' })
  })

  it('ends tool inputs of a call that broke, and makes no calls of them', () => {
    const { made, types } = writer()
    made.write({ type: 'tool-input-start', index: 0, callId: 'a', name: 'ours' })
    made.end(false)
    expect(types()).toEqual(['part-start 0', 'part-end 0'])
    expect(made.calls).toEqual([])
    expect(made.parts).toEqual([])
  })

  it('keeps the proof of reasoning, also of reasoning that was not shown', () => {
    const { made, events } = writer()
    made.write({ type: 'reasoning', text: 'hm' })
    made.write({ type: 'reasoning-end', signature: 'one' })
    made.write({ type: 'reasoning-end', signature: 'two' })
    made.write({ type: 'reasoning-end' })
    made.end(true)
    expect(made.parts).toEqual([
      { type: 'reasoning', text: 'hm', signature: 'one' },
      { type: 'reasoning', text: '', signature: 'two' },
    ])
    expect(events.filter(({ type }) => type === 'part-end')).toHaveLength(2)
  })

  it('joins audio with its transcript', () => {
    const { made } = writer()
    made.write({ type: 'audio', data: 'AAAA', transcript: 'Hel', id: 'audio_1', format: 'wav' })
    made.write({ type: 'audio', data: 'BBBB', transcript: 'lo' })
    made.end(true)
    expect(made.parts).toEqual([{ type: 'audio', data: 'AAAABBBB', transcript: 'Hello', id: 'audio_1', format: 'wav' }])
  })

  it('remembers all that was written, for estimating', () => {
    const { made } = writer()
    made.write({ type: 'text', text: 'one ' })
    made.write({ type: 'tool-input-start', index: 0, callId: 'a', name: 'ours' })
    made.write({ type: 'tool-input-delta', index: 0, text: '{"x":1}' })
    expect(made.writtenText()).toBe('one ours{"x":1}')
    made.end(true)
    expect(made.writtenText()).toBe('one ours{"x":1}')
  })

  it('tells no half of a character before its other half, in parts of every kind', () => {
    const halves = fc.array(fc.constantFrom('', 'a', '\ud83d', '\ude00', '\ud83d\ude00', 'b\ud83d', '\ude00c'))
    fc.assert(
      fc.property(fc.constantFrom('text', 'reasoning', 'refusal', 'audio', 'tool-input'), halves, (kind, texts) => {
        const { made, events } = writer()
        if (kind === 'tool-input') made.write({ type: 'tool-input-start', index: 0, callId: 'a', name: 'ours' })
        for (const text of texts)
          if (kind === 'audio') made.write({ type: kind, data: '', transcript: text })
          else if (kind === 'tool-input') made.write({ type: 'tool-input-delta', index: 0, text })
          else made.write({ type: kind as 'text', text })
        made.end(true)
        const deltas = events.flatMap((event) =>
          event.type === 'audio-delta' ? [event.transcript!] : 'text' in event ? [event.text] : [],
        )
        expect(deltas.join('')).toBe(texts.join(''))
        // What is torn in the sum was torn in the text.
        expect(Buffer.from(deltas.join('')).equals(Buffer.concat(deltas.map((delta) => Buffer.from(delta))))).toBe(true)
      }),
    )
  })
})
