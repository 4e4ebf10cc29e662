import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Vendor } from './wires.ts'

/** One request that the simulator received. */
export interface UpstreamRequest {
  vendor: Vendor
  method: string
  /** With the query. */
  path: string
  headers: IncomingHttpHeaders
  /** The parsed JSON body; {} when there was none. */
  body: Record<string, unknown>
  /** The model asked for. */
  model: string
  /** Whether the answer was asked for as a stream. */
  stream: boolean
  /** Text of the last user message. */
  lastUserText: string
  /** Resolves when the client closed the connection before the answer was complete; else never. */
  aborted: Promise<void>
  /** The same, now. */
  isAborted: boolean
}

/** Reads a request to its end. */
export async function readRequest(message: IncomingMessage, response: ServerResponse): Promise<UpstreamRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  const path = message.url ?? '/'
  const vendor = vendorOf(path, message.headers)
  const inPath = /\/models\/([^:/?]+):/.exec(path)?.[1]
  const request: UpstreamRequest = {
    vendor,
    method: message.method ?? 'GET',
    path,
    headers: message.headers,
    body,
    model: inPath ? decodeURIComponent(inPath) : String(body.model ?? ''),
    stream: vendor === 'google' ? path.includes(':streamGenerateContent') : body.stream === true,
    lastUserText: lastUserText(body),
    isAborted: false,
    aborted: new Promise((resolve) => {
      // `close` of the request would also fire when its body has been read.
      response.on('close', () => {
        if (response.writableFinished) return
        request.isAborted = true
        resolve()
      })
    }),
  }
  return request
}

/** The credential a request carried, wherever its vendor puts it. */
export function keyOf(headers: IncomingHttpHeaders): string {
  const key = headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers['api-key']
  return String(key ?? headers.authorization?.replace(/^Bearer /, '') ?? '')
}

/** All text in a request: what the simulator counts input tokens from. */
export function inputText(body: Record<string, unknown>): string {
  return JSON.stringify([body.system, body.systemInstruction, body.messages, body.contents])
}

function vendorOf(path: string, headers: IncomingHttpHeaders): Vendor {
  if (path.startsWith('/v1beta/')) return 'google'
  return headers['anthropic-version'] === undefined ? 'openai-compatible' : 'anthropic'
}

type Block = { text?: unknown; role?: string; content?: unknown; parts?: unknown }

function lastUserText(body: Record<string, unknown>): string {
  const messages = (body.messages ?? body.contents ?? []) as Block[]
  const last = Array.isArray(messages) ? messages.findLast((message) => message.role === 'user') : undefined
  const content = last?.content ?? last?.parts ?? ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return (content as Block[]).map((block) => (typeof block.text === 'string' ? block.text : '')).join('')
}
