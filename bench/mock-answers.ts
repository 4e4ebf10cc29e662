/** What the mock upstream says, serialized once at start. */

/** Deltas of a `paced` stream that follow its first one. */
export const PACED_DELTAS = 64
/** Content frames that the upstream sends in one `paced` stream. */
export const PACED_CONTENT_FRAMES = PACED_DELTAS + 1

/** `clocked` is `paced` with the time of sending in every token. */
export const models = ['instant', 'paced', 'clocked', 'hold'] as const
export type Model = (typeof models)[number]

const ID = 'chatcmpl-bench'
const CREATED = 1_750_000_000
const USAGE = { prompt_tokens: 64, completion_tokens: PACED_CONTENT_FRAMES, total_tokens: 64 + PACED_CONTENT_FRAMES }
const ANSWER = 'The quick brown fox jumps over the lazy dog. '.repeat(6).slice(0, 256)

export const streamHead = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n',
)

/** A whole JSON answer, headers included. */
export function jsonAnswer(value: unknown, status = '200 OK'): Buffer {
  const body = JSON.stringify(value)
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function frame(data: string): string {
  const text = `data: ${data}\n\n`
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

function chunk(model: Model, choices: unknown[], extra: object = {}): string {
  return frame(JSON.stringify({ id: ID, object: 'chat.completion.chunk', created: CREATED, model, choices, ...extra }))
}

function delta(model: Model, content: string): string {
  return chunk(model, [{ index: 0, delta: { content }, finish_reason: null }])
}

/** The frames of one stream: `first` and `deltas` carry content, `tail` ends it with or without usage. */
export type StreamAnswer = { first: Buffer; deltas: Buffer[]; tail: Buffer; tailWithUsage: Buffer }

export function streamAnswer(model: Model, deltaCount: number): StreamAnswer {
  const role = chunk(model, [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }])
  const finish = chunk(model, [{ index: 0, delta: {}, finish_reason: 'stop' }])
  const usage = chunk(model, [], { usage: USAGE })
  const done = `${frame('[DONE]')}0\r\n\r\n`
  return {
    first: Buffer.from(role + delta(model, 'Token')),
    deltas: Array.from({ length: deltaCount }, (_, index) => Buffer.from(delta(model, ` token${index}`))),
    tail: Buffer.from(finish + done),
    tailWithUsage: Buffer.from(finish + usage + done),
  }
}

/** A delta whose content is stamped when it is sent; every one is as long. */
export function stampedDelta(model: Model, stamp: () => string): () => string {
  const blank = stamp()
  const [before, after] = delta(model, ` ${blank}`).split(blank) as [string, string]
  return () => before + stamp() + after
}

export function completion(model: Model): Buffer {
  const choices = [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }]
  return jsonAnswer({ id: ID, object: 'chat.completion', created: CREATED, model, choices, usage: USAGE })
}

export function modelList(): Buffer {
  const data = models.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'bench' }))
  return jsonAnswer({ object: 'list', data })
}
