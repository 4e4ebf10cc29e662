/** Google's Gemini API (generateContent). The key goes in a header, never in the URL, where proxies would log it. */
import type { IncomingHttpHeaders } from 'node:http'
import type { AppError } from '#errors/index.ts'
import { isObject } from '../json.ts'
import { namesIn, readModelPages } from '../list-models.ts'
import { runCall } from '../run-call.ts'
import type { Endpoint, ModelCall, ModelStream, Provider, ProviderIo } from '../spec.ts'
import { statusError } from './errors.ts'
import { AnswerReader } from './from-answers.ts'
import { toGenerateRequest } from './to-generate-request.ts'

export const google: Provider = { kind: 'google', streamModel, listModels }

function streamModel(call: ModelCall, io: ProviderIo): ModelStream {
  const { endpoint } = call
  // A tuned model's name brings its collection along.
  const model = call.model.includes('/') ? call.model : `models/${call.model}`
  const path = model.split('/').map(encodeURIComponent).join('/')
  const request = {
    method: 'POST' as const,
    url: `${endpoint.url}/${path}:${call.whole ? 'generateContent' : 'streamGenerateContent?alt=sse'}`,
    headers: headersOf(endpoint, call.whole ? 'application/json' : 'text/event-stream'),
    body: toGenerateRequest(call),
    firstMs: call.whole ? io.timeouts.wholeMs : io.timeouts.firstPartMs,
    toError: toError(endpoint),
  }
  const reader = new AnswerReader({ secret: endpoint.secret })
  return runCall(request, io, reader, (body) => reader.readWhole(body))
}

function listModels(endpoint: Endpoint, io: ProviderIo): Promise<string[]> {
  const url = `${endpoint.url}/models?pageSize=1000`
  const request = { url, headers: headersOf(endpoint, 'application/json'), toError: toError(endpoint) }
  return readModelPages(request, io, ({ models, nextPageToken: token }) => ({
    names: namesIn(Array.isArray(models) ? models.filter(generates) : models, 'name').map(bare),
    next: typeof token === 'string' && token !== '' ? `${url}&pageToken=${encodeURIComponent(token)}` : undefined,
  }))
}

/** The list also has models that only embed or only answer by socket. */
function generates(model: unknown): boolean {
  const methods = isObject(model) ? model.supportedGenerationMethods : undefined
  return !Array.isArray(methods) || methods.includes('generateContent')
}

function bare(name: string): string {
  return name.replace(/^models\//, '')
}

function toError(endpoint: Endpoint) {
  return (status: number, headers: IncomingHttpHeaders, body: string): AppError =>
    statusError(status, headers, body, endpoint.secret)
}

function headersOf(endpoint: Endpoint, accept: string): Record<string, string> {
  const headers: Record<string, string> = { accept }
  if (endpoint.secret) headers['x-goog-api-key'] = endpoint.secret
  for (const [name, value] of Object.entries(endpoint.headers ?? {})) headers[name.toLowerCase()] = value
  return headers
}
