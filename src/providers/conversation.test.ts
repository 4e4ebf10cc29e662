import { expect, test } from 'vitest'
import type { Message, Part } from '#contracts/index.ts'
import { toSpeeches } from './conversation.ts'

const text = (said: string): Part => ({ type: 'text', text: said })
const call = (callId: string, name = 'f'): Part => ({ type: 'tool-call', callId, name, arguments: '{}' })
const result = (callId: string, said = 'ok'): Part => ({ type: 'tool-result', callId, result: said, isError: false })

/** Shorthand: `user hi`, `assistant hi +a=ok` (call a, result ok). */
function told(messages: Message[]): string[] {
  return toSpeeches(messages).map((speech) => {
    const said = speech.parts.map((part) => (part.type === 'text' ? part.text : part.type)).join('|')
    const pairs =
      speech.role === 'assistant'
        ? speech.calls.map((made, at) => ` +${made.callId}=${speech.results[at]!.callId}:${speech.results[at]!.result}`)
        : []
    return `${speech.role} ${said}${pairs.join('')}`
  })
}

const none = 'No result: this call was not carried out.'

test.each<[trap: string, messages: Message[], speeches: string[]]>([
  [
    'a stored answer of several steps is cut behind its results',
    [{ role: 'assistant', parts: [text('a'), call('1'), call('2'), result('1'), result('2'), text('b')] }],
    ['assistant a +1=1:ok +2=2:ok', 'assistant b'],
  ],
  [
    'a call without a result is given one',
    [
      { role: 'assistant', parts: [call('1')] },
      { role: 'user', parts: [text('go on')] },
    ],
    [`assistant  +1=1:${none}`, 'user go on'],
  ],
  [
    'a result behind a user message is moved to its call',
    [
      { role: 'assistant', parts: [call('1')] },
      { role: 'user', parts: [text('wait')] },
      { role: 'tool', parts: [result('1')] },
    ],
    ['assistant  +1=1:ok', 'user wait'],
  ],
  [
    'a result without a call is told by the user',
    [{ role: 'tool', parts: [{ type: 'tool-result', callId: '9', name: 'f', result: 'x', isError: false }] }],
    ['user Result of f:\nx'],
  ],
  [
    'the same id in two turns: each call has its own result, and an id of its own',
    [
      { role: 'assistant', parts: [call('1'), result('1', 'first')] },
      { role: 'assistant', parts: [call('1'), result('1', 'second')] },
    ],
    ['assistant  +1=1:first', 'assistant  +1_2=1_2:second'],
  ],
  [
    'a result that names no call but a function is that of its call',
    [
      { role: 'assistant', parts: [call('1', 'g'), call('2')] },
      { role: 'tool', parts: [{ ...result('fc_f'), name: 'f' } as Part, { ...result('fc_g'), name: 'g' } as Part] },
    ],
    ['assistant  +1=1:ok +2=2:ok'],
  ],
  [
    'and of several, that of the last one before it',
    [
      { role: 'assistant', parts: [call('1')] },
      { role: 'user', parts: [text('again')] },
      { role: 'assistant', parts: [call('2')] },
      { role: 'tool', parts: [{ ...result('fc_f'), name: 'f' } as Part] },
    ],
    [`assistant  +1=1:${none}`, 'user again', 'assistant  +2=2:ok'],
  ],
  [
    'a result that names another call is not taken for its function’s',
    [
      { role: 'assistant', parts: [call('1'), call('2')] },
      { role: 'tool', parts: [{ ...result('2'), name: 'f' } as Part] },
    ],
    [`assistant  +1=1:${none} +2=2:ok`],
  ],
  [
    'steering within a stored answer is a user message',
    [{ role: 'assistant', parts: [text('a'), { type: 'input', parts: [text('stop')] }, text('b')] }],
    ['assistant a', 'user stop', 'assistant b'],
  ],
  [
    'sources are not sent',
    [
      {
        role: 'assistant',
        parts: [text('a'), { type: 'source', source: { id: 's1', title: 't', content: 'c' } }, text('b')],
      },
    ],
    ['assistant a|b'],
  ],
  ['an answer without parts says nothing', [{ role: 'assistant', parts: [] }], []],
])('%s', (_trap, messages, speeches) => expect(told(messages)).toEqual(speeches))
