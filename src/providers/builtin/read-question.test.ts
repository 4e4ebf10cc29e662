import { expect, test } from 'vitest'
import type { Message } from '#contracts/index.ts'
import { isQuestion, readQuestion } from './read-question.ts'

const user = (text: string): Message => ({ role: 'user', parts: [{ type: 'text', text }] })
const paste = 'The valve opens at 4 bar. It closes at 3 bar.\n\nThe pump starts by itself.'

test.each([
  ['after', `${paste}\n\nWhen does the pump start?`, 'When does the pump start?'],
  ['before', `When does the pump start?\n\n${paste}`, 'When does the pump start?'],
  ['as a request before', `Find the pump:\n${paste}`, 'Find the pump:'],
  ['in Chinese', `${paste}\n水泵什么时候启动？`, '水泵什么时候启动？'],
  ['on the same line', `${'The valve opens at 4 bar. '.repeat(20)}When does it close?`, 'When does it close?'],
])('the question %s the pasted text is found', (_, message, question) => {
  const { text, pasted } = readQuestion([user(message)])
  expect(text).toBe(question)
  expect(pasted).not.toBe('')
  expect(pasted).not.toContain(question)
})

test('a short line is all question', () => {
  expect(readQuestion([user('I have a dog. Which food is best?')])).toEqual({
    text: 'I have a dog. Which food is best?',
    pasted: '',
    message: 0,
  })
})

test('the last user message counts, not what came before or after it', () => {
  const reply: Message = { role: 'assistant', parts: [{ type: 'text', text: 'Why?' }] }
  expect(readQuestion([user('One?'), user('Two?'), reply]).text).toBe('Two?')
  expect(readQuestion([reply])).toEqual({ text: '', pasted: '', message: -1 })
})

test('question marks of other scripts', () => {
  for (const text of ['Really?', '本当？', 'حقا؟', 'He said "why?"']) expect(isQuestion(text)).toBe(true)
  expect(isQuestion('No.')).toBe(false)
})
