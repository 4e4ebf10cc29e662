import { expect, test } from 'vitest'
import type { Message, Part } from '#contracts/index.ts'
import { callOf, user } from '../call-for-test.ts'
import type { ModelCall } from '../spec.ts'
import { toGenerateRequest } from './to-generate-request.ts'

function request(fields: Partial<ModelCall> = {}, model = 'gemini-2.5-flash') {
  return toGenerateRequest(callOf({ url: 'http://localhost/v1beta' }, { model, ...fields }))
}

const schema = { type: 'object', properties: { a: { type: 'number' } } }

test('the smallest request', () => {
  expect(request()).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] })
})

test('system, sampling, tools and schema', () => {
  const body = request({
    messages: [{ role: 'system', parts: [{ type: 'text', text: 'S' }] }, user('a'), user('b')],
    sampling: { temperature: 0, topK: 2, maxOutputTokens: 9, stop: ['x'], reasoningEffort: 'low' },
    tools: [
      { name: 'f', description: 'd', parameters: schema, side: 'client' },
      { name: 'g', parameters: { type: 'object', properties: {} }, side: 'client' },
    ],
    toolChoice: { name: 'f' },
    responseFormat: { type: 'json-schema', name: 'n', schema },
    options: {
      safetySettings: [1],
      generationConfig: { candidateCount: 3, responseModalities: ['TEXT'] },
      contents: [],
      key: 'k',
    },
  })
  expect(body).toEqual({
    safetySettings: [1],
    contents: [{ role: 'user', parts: [{ text: 'a' }, { text: 'b' }] }],
    systemInstruction: { parts: [{ text: 'S' }] },
    generationConfig: {
      responseModalities: ['TEXT'],
      temperature: 0,
      topK: 2,
      maxOutputTokens: 9,
      stopSequences: ['x'],
      thinkingConfig: { thinkingBudget: 1_024, includeThoughts: true },
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    },
    tools: [{ functionDeclarations: [{ name: 'f', description: 'd', parametersJsonSchema: schema }, { name: 'g' }] }],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
  })
})

test('Gemini 3 takes a thinking level', () => {
  const { generationConfig } = request({ sampling: { reasoningEffort: 'high' } }, 'gemini-3-pro-preview')
  expect(generationConfig).toEqual({ thinkingConfig: { thinkingLevel: 'high', includeThoughts: true } })
})

test.each([
  ['gemini-2.5-flash', 'none', { thinkingBudget: 0, includeThoughts: false }],
  ['gemini-2.5-pro', 'none', { thinkingBudget: 128, includeThoughts: false }],
  ['gemini-2.5-pro', 'max', { thinkingBudget: 24_576, includeThoughts: true }],
  ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'minimal', includeThoughts: true }],
  ['gemini-3-pro-preview', 'minimal', { thinkingLevel: 'low', includeThoughts: true }],
  ['gemini-3.1-pro-preview', 'none', { thinkingLevel: 'low', includeThoughts: false }],
] as const)('%s asked for the effort %s is told what it knows', (model, reasoningEffort, thinkingConfig) => {
  expect(request({ sampling: { reasoningEffort } }, model).generationConfig).toEqual({ thinkingConfig })
})

function conversation(signature: string | undefined, callId: string): Message[] {
  const call: Part = { type: 'tool-call', callId, name: 'f', arguments: '{"a":1}', ...(signature && { signature }) }
  return [
    user('go'),
    { role: 'assistant', parts: [call, { type: 'tool-result', callId, result: 'no', isError: true }] },
  ]
}

test('own signature and id go back; results are objects', () => {
  expect(request({ messages: conversation('google:S', 'fc1') }, 'gemini-3-pro').contents.slice(1)).toEqual([
    { role: 'model', parts: [{ functionCall: { id: 'fc1', name: 'f', args: { a: 1 } }, thoughtSignature: 'S' }] },
    { role: 'user', parts: [{ functionResponse: { id: 'fc1', name: 'f', response: { error: 'no' } } }] },
  ])
})

test('a call of another vendor: no id, and the word that stands for a signature where one is demanded', () => {
  const messages = conversation('anthropic:S', 'toolu_1')
  expect(request({ messages }, 'gemini-3-pro').contents[1]).toEqual({
    role: 'model',
    parts: [{ functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'skip_thought_signature_validator' }],
  })
  expect(request({ messages }).contents[1]!.parts[0]).not.toHaveProperty('thoughtSignature')
})

test('media', () => {
  const parts: Part[] = [
    { type: 'image', url: 'data:image/png;base64,AA' },
    { type: 'image', url: 'https://a.example/b.jpg?x' },
    { type: 'audio', data: 'AA', format: 'mp3' },
    { type: 'file', name: 'a.pdf', mediaType: 'application/pdf', data: 'AA' },
    { type: 'file', name: 'b.md', mediaType: 'text/markdown', text: 'T' },
  ]
  expect(request({ messages: [{ role: 'user', parts }] }).contents[0]!.parts).toEqual([
    { inlineData: { mimeType: 'image/png', data: 'AA' } },
    { fileData: { mimeType: 'image/jpeg', fileUri: 'https://a.example/b.jpg?x' } },
    { inlineData: { mimeType: 'audio/mp3', data: 'AA' } },
    { inlineData: { mimeType: 'application/pdf', data: 'AA' } },
    { text: 'File b.md:\nT' },
  ])
})
