import { expect, test } from 'vitest'
import type { AppError } from '#errors/index.ts'
import { statusError as anthropicError } from './anthropic/errors.ts'
import { classifyStatus } from './classify-status.ts'
import { statusError as googleError } from './google/errors.ts'
import { statusError as openAiError } from './openai-compatible/errors.ts'

test.each([
  [301, 'upstream-rejected'],
  [400, 'upstream-rejected'],
  [401, 'upstream-auth'],
  [402, 'upstream-rate-limited'],
  [403, 'upstream-auth'],
  [404, 'upstream-rejected'],
  [408, 'upstream-timeout'],
  [429, 'upstream-rate-limited'],
  [500, 'upstream-overloaded'],
  [504, 'upstream-timeout'],
  [529, 'upstream-overloaded'],
])('status %i → %s', (status, code) => expect(classifyStatus(status)).toBe(code))

const openAi = (fields: object) => ({ error: { message: 'context_length_exceeded', ...fields } })

type ToError = (status: number, headers: Record<string, string>, body: string, secret: string | undefined) => AppError

test.each<[trap: string, toError: ToError, status: number, body: object, code: string]>([
  ['too long', openAiError, 400, openAi({ code: 'context_length_exceeded' }), 'context-too-long'],
  ['filter', openAiError, 400, openAi({ code: 'content_filter' }), 'content-blocked'],
  ['policy', openAiError, 400, openAi({ code: 'content_policy_violation' }), 'content-blocked'],
  ['quota', openAiError, 429, openAi({ type: 'insufficient_quota' }), 'upstream-rate-limited'],
  ['a code in the message is none', openAiError, 400, openAi({ type: 'invalid_request_error' }), 'upstream-rejected'],
  ['a weak type beside a strong status', openAiError, 401, openAi({ type: 'invalid_request_error' }), 'upstream-auth'],
  ['a prototype’s name is no code', openAiError, 400, openAi({ code: 'constructor' }), 'upstream-rejected'],
  ['overloaded', anthropicError, 529, { error: { type: 'overloaded_error' } }, 'upstream-overloaded'],
  ['too large', anthropicError, 413, { error: { type: 'request_too_large' } }, 'upstream-rejected'],
  [
    'a wrong key is a 400',
    googleError,
    400,
    { error: { code: 400, status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] } },
    'upstream-auth',
  ],
])('%s', (_name, toError, status, body, code) => {
  expect(toError(status, {}, JSON.stringify(body), undefined)).toMatchObject({ code })
})

const vllm = 'This model’s maximum context length is 4096 tokens. However, you requested 5000 tokens.'
const gemini = 'The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).'

test.each<[who: string, toError: ToError, body: object]>([
  ['Anthropic', anthropicError, anthropicSays('prompt is too long: 210000 tokens > 200000 maximum')],
  [
    'Anthropic, with what is left for the answer',
    anthropicError,
    anthropicSays('input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000'),
  ],
  ['Google', googleError, { error: { code: 400, status: 'INVALID_ARGUMENT', message: gemini } }],
  ['vLLM', openAiError, { error: { message: vllm, type: 'BadRequestError', code: 400 } }],
  ['vLLM, before it had an error object', openAiError, { object: 'error', message: vllm, code: 400 }],
  [
    'Mistral',
    openAiError,
    { object: 'error', message: 'Prompt contains 40000 tokens, too large for model with 32768 maximum context length' },
  ],
])('too long, in the words of %s', (_who, toError, body) => {
  expect(toError(400, {}, JSON.stringify(body), undefined)).toMatchObject({ code: 'context-too-long' })
})

function anthropicSays(message: string) {
  return { type: 'error', error: { type: 'invalid_request_error', message } }
}

test('an empty account: told apart from a busy one', () => {
  const body = JSON.stringify(openAi({ code: 'insufficient_quota' }))
  expect(openAiError(429, {}, body, undefined).details).toMatchObject({ exhausted: true, upstreamStatus: 429 })
  const deepSeek = JSON.stringify(openAi({ message: 'Insufficient Balance', code: 'invalid_request_error' }))
  expect(openAiError(402, {}, deepSeek, undefined)).toMatchObject({
    code: 'upstream-rate-limited',
    details: { exhausted: true, upstreamStatus: 402 },
  })
})

test('retry times: header, exact header, Google’s typed field', () => {
  expect(openAiError(429, { 'retry-after': '3' }, '', undefined).retryAfterMs).toBe(3_000)
  expect(openAiError(429, { 'retry-after': '3', 'retry-after-ms': '250' }, '', undefined).retryAfterMs).toBe(250)
  const body = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '37s' }] } }
  expect(googleError(429, {}, JSON.stringify(body), undefined).retryAfterMs).toBe(37_000)
})

test('keys: taken out of the cause, and a code that is no word is not repeated', () => {
  const body = JSON.stringify({ error: { code: 'sk-secret is wrong!', message: 'sk-secret is wrong' } })
  const error = openAiError(401, {}, body, 'sk-secret')
  expect(String(error.cause)).toContain('[secret]')
  expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain('sk-secret')
})
