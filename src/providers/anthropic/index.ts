/** Anthropic's Messages API, and servers that speak it. Knows what each generation of models refuses (model-abilities). */
import type { IncomingHttpHeaders } from 'node:http'
import type { AppError } from '#errors/index.ts'
import { namesIn, readModelPages } from '../list-models.ts'
import { runCall } from '../run-call.ts'
import type { Endpoint, ModelCall, ModelStream, Provider, ProviderIo } from '../spec.ts'
import { answerToolOf } from './answer-format.ts'
import { statusError } from './errors.ts'
import { MessageReader } from './from-events.ts'
import { kind, toMessagesRequest } from './to-messages-request.ts'

export const anthropic: Provider = { kind, streamModel, listModels }

function streamModel(call: ModelCall, io: ProviderIo): ModelStream {
  const { endpoint } = call
  const request = {
    method: 'POST' as const,
    url: `${endpoint.url}/messages`,
    headers: headersOf(endpoint, call.whole ? 'application/json' : 'text/event-stream'),
    body: toMessagesRequest(call),
    firstMs: call.whole ? io.timeouts.wholeMs : io.timeouts.firstPartMs,
    toError: toError(endpoint),
  }
  const reader = new MessageReader({ secret: endpoint.secret, answerTool: answerToolOf(call)?.name })
  return runCall(request, io, reader, (body) => reader.readWhole(body))
}

function listModels(endpoint: Endpoint, io: ProviderIo): Promise<string[]> {
  const url = `${endpoint.url}/models?limit=1000`
  const request = { url, headers: headersOf(endpoint, 'application/json'), toError: toError(endpoint) }
  return readModelPages(request, io, ({ data, has_more: more, last_id: last }) => ({
    names: namesIn(data, 'id'),
    next: more === true && typeof last === 'string' ? `${url}&after_id=${encodeURIComponent(last)}` : undefined,
  }))
}

function toError(endpoint: Endpoint) {
  return (status: number, headers: IncomingHttpHeaders, body: string): AppError =>
    statusError(status, headers, body, endpoint.secret)
}

function headersOf(endpoint: Endpoint, accept: string): Record<string, string> {
  const headers: Record<string, string> = { accept, 'anthropic-version': '2023-06-01' }
  if (endpoint.secret) headers['x-api-key'] = endpoint.secret
  for (const [name, value] of Object.entries(endpoint.headers ?? {})) headers[name.toLowerCase()] = value
  return headers
}
