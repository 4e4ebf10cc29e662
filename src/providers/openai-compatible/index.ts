/**
 * The chat completions protocol: OpenAI, Azure, OpenRouter, vLLM, Ollama, llama.cpp, Groq, Mistral, DeepSeek and whoever
 * else speaks it. Translates and forgets; what servers get wrong is put right here and nowhere else.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { AppError } from '#errors/index.ts'
import { readText, sendHttp } from '../http.ts'
import { isObject } from '../json.ts'
import { namesIn, readModelPages } from '../list-models.ts'
import { runCall } from '../run-call.ts'
import type { Endpoint, ModelCall, ModelStream, ModerationCall, Opinion, Provider, ProviderIo } from '../spec.ts'
import { dialectOf } from './dialect.ts'
import { statusError, toldError } from './errors.ts'
import { ChunkReader } from './from-chunks.ts'
import { fromModeration } from './from-moderation.ts'
import { toChatRequest } from './to-chat-request.ts'

export const openAiCompatible: Provider = { kind: 'openai-compatible', streamModel, listModels, moderate }

function streamModel(call: ModelCall, io: ProviderIo): ModelStream {
  const { endpoint } = call
  const body = toChatRequest(call)
  const reader = new ChunkReader({ secret: endpoint.secret, audioFormat: audioFormat(body.audio) })
  const request = {
    method: 'POST' as const,
    url: `${endpoint.url}/chat/completions`,
    headers: headersOf(endpoint, call.whole ? 'application/json' : 'text/event-stream'),
    body,
    firstMs: call.whole ? io.timeouts.wholeMs : io.timeouts.firstPartMs,
    toError: toError(endpoint),
  }
  return runCall(request, io, reader, (text) => reader.readWhole(text))
}

function listModels(endpoint: Endpoint, io: ProviderIo): Promise<string[]> {
  const headers = headersOf(endpoint, 'application/json')
  const request = { url: `${endpoint.url}/models`, headers, toError: toError(endpoint) }
  return readModelPages(request, io, (body, text) => {
    if (body.error) throw toldError(body.error, text, endpoint.secret)
    return { names: namesIn(body.data, 'id') }
  })
}

async function moderate({ endpoint, model, texts }: ModerationCall, io: ProviderIo): Promise<Opinion[]> {
  const answer = await sendHttp(
    {
      method: 'POST',
      url: `${endpoint.url}/moderations`,
      headers: headersOf(endpoint, 'application/json'),
      body: { input: texts, ...(model !== undefined && { model }) },
      firstMs: io.timeouts.wholeMs,
      toError: toError(endpoint),
    },
    io,
  )
  const text = await readText(answer)
  return fromModeration(text, texts.length, endpoint.secret)
}

function toError(endpoint: Endpoint) {
  return (status: number, headers: IncomingHttpHeaders, body: string): AppError =>
    statusError(status, headers, body, endpoint.secret)
}

function headersOf(endpoint: Endpoint, accept: string): Record<string, string> {
  const headers: Record<string, string> = { accept }
  const { secret } = endpoint
  if (secret) {
    // Azure’s Entra tokens are JWTs and go as Bearer there too.
    const asKey = dialectOf(endpoint.url).keyHeader === 'api-key' && !secret.startsWith('eyJ')
    if (asKey) headers['api-key'] = secret
    else headers.authorization = `Bearer ${secret}`
  }
  for (const [name, value] of Object.entries(endpoint.headers ?? {})) headers[name.toLowerCase()] = value
  return headers
}

function audioFormat(audio: unknown): string | undefined {
  return isObject(audio) && typeof audio.format === 'string' ? audio.format : undefined
}
