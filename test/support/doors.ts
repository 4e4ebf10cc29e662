import { openChat } from './chat-client.ts'
import type { RunningParley } from './parley.ts'
import { chunkText, postSse, type SseFrame } from './sse-client.ts'

/** How one door answered one question, in what all doors have in common. */
export interface Answer {
  /** HTTP status; on the chat socket 200. */
  status: number
  turnId: string | null
  text: string
  /** How the door told an error: its code and the exact place it stood in; undefined: none. */
  error?: { code: string; message: string }
  /** Whether the answer claims to have ended well. */
  completed: boolean
  /** Frames that tell of an end, good or bad. */
  ends: number
  headers: Headers
}

export type DoorName = 'openai' | 'openai whole' | 'app' | 'chat-socket' | 'kadal'
export const doorNames: readonly DoorName[] = ['openai', 'openai whole', 'app', 'chat-socket', 'kadal']

export interface Asked {
  parley: RunningParley
  model: string
  /** Id of an app that uses this model. */
  appId: string
  content: string
}

/** Asks a model through a door and reads its answer to the end. */
export function ask(door: DoorName, asked: Asked): Promise<Answer> {
  return doors[door](asked)
}

const doors: Record<DoorName, (asked: Asked) => Promise<Answer>> = {
  async openai({ parley, model, content }) {
    const stream = await postSse(`${parley.url}/v1/chat/completions`, parley.headers, {
      model,
      stream: true,
      messages: [{ role: 'user', content }],
    })
    const { status, headers } = stream
    if (status !== 200) return refusedAnswer(status, headers, (await stream.body()) as never)
    const frames = await stream.all()
    const errors = frames.filter(({ data }) => data.startsWith('{"error"'))
    const done = frames.filter(({ data }) => data === '[DONE]').length
    const finished = frames.some(({ data }) => /"finish_reason":"/.test(data))
    const last = frames.at(-1)
    return {
      status,
      headers,
      turnId: headers.get('x-turn-id'),
      text: chunkText(frames),
      completed: finished || done > 0,
      ends: errors.length + done,
      ...(last !== undefined && last === errors[0] && { error: (JSON.parse(last.data) as OpenAiError).error }),
    }
  },

  async 'openai whole'({ parley, model, content }) {
    const response = await fetch(`${parley.url}/v1/chat/completions`, {
      method: 'POST',
      headers: parley.headers,
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
    })
    const body = (await response.json()) as { choices: { message: { content: string } }[] } & OpenAiError
    if (response.status !== 200) return refusedAnswer(response.status, response.headers, body)
    return {
      status: 200,
      headers: response.headers,
      turnId: response.headers.get('x-turn-id'),
      text: body.choices[0]!.message.content,
      completed: true,
      ends: 1,
    }
  },

  async app({ parley, appId, content }) {
    const stream = await postSse(`${parley.url}/api/v1/chat/${appId}/chat/completions`, parley.headers, {
      stream: true,
      messages: [{ role: 'user', content }],
    })
    const { status, headers } = stream
    const turnId = headers.get('x-turn-id')
    if (status !== 200) {
      const body = (await stream.body()) as { data: null; status: string; code: number; message: string }
      const shaped = body.data === null && body.status === 'error' && body.code === status
      const error = { code: shaped ? 'error' : 'not the shape of this door', message: body.message }
      return { status, headers, turnId, text: '', completed: false, ends: 1, error }
    }
    const frames = await stream.all()
    const errors = frames.filter(({ event }: SseFrame) => event === 'error')
    const finished = frames.some(({ data }) => /"finish_reason":"/.test(data))
    return {
      status,
      headers,
      turnId,
      text: chunkText(frames),
      completed: finished,
      ends: errors.length + (finished ? 1 : 0),
      ...(errors.length > 0 && { error: JSON.parse(errors[0]!.data) as { code: string; message: string } }),
    }
  },

  async kadal({ parley, appId, content }) {
    const response = await fetch(`${parley.url}/aiwb/chat/api/v7/${appId}/stream?stream=True`, {
      method: 'POST',
      headers: parley.headers,
      body: JSON.stringify({ message: content }),
    })
    const { status, headers } = response
    const lines = (await response.text()).trimEnd().split('\n')
    const answers = lines.map((line) => JSON.parse(line) as KadalLine)
    const pieces = answers.filter(({ finish_reason: reason }) => reason === 'streaming')
    const stops = answers.filter(({ finish_reason: reason }) => reason === 'stop')
    const failed = answers.at(-1)!
    const error = stops.length === 0 && { code: failed.error ?? 'not the shape of this door', message: failed.message }
    return {
      status,
      headers,
      turnId: headers.get('x-turn-id'),
      text: pieces.map(({ message }) => message).join(''),
      completed: stops.length > 0,
      ends: answers.length - pieces.length,
      ...(error && { error }),
    }
  },

  async 'chat-socket'({ parley, appId, content }) {
    const chat = await openChat(parley, crypto.randomUUID())
    chat.send({ type: 'chat', content, application_id: appId })
    const end = await chat.until(({ type }) => type === 'response_end' || type === 'error')
    // What would come after the end comes before the answer to a ping.
    chat.send({ type: 'ping' })
    await chat.until(({ type }) => type === 'pong')
    chat.close()
    const ends = chat.frames.filter(({ type }) => type === 'response_end' || type === 'error')
    const start = chat.frames.find(({ type }) => type === 'response_start')
    return {
      status: 200,
      headers: new Headers(),
      turnId: (start?.turn_id ?? end.turn_id ?? null) as string | null,
      text: chat.frames.map(({ type, text }) => (type === 'text-delta' ? text : '')).join(''),
      completed: end.type === 'response_end',
      ends: ends.length,
      ...(end.type === 'error' && { error: { code: String(end.code), message: String(end.message) } }),
    }
  },
}

type KadalLine = { message: string; finish_reason?: string; error?: string }
type OpenAiError = { error: { code: string; message: string; type: string; param: unknown } }

function refusedAnswer(status: number, headers: Headers, body: OpenAiError): Answer {
  const { code = 'not the shape of this door', message = '' } = body.error ?? {}
  return {
    status,
    headers,
    turnId: headers.get('x-turn-id'),
    text: '',
    completed: false,
    ends: 1,
    error: { code, message },
  }
}

/** Makes an app that uses a model; gives its id. */
export async function makeApp(parley: RunningParley, model: string): Promise<string> {
  const response = await fetch(`${parley.url}/api/v1/applications`, {
    method: 'POST',
    headers: parley.headers,
    body: JSON.stringify({ name: `app of ${model}`, type: 'chat', model }),
  })
  const text = await response.text()
  const id = /"id":"([0-9a-f-]{36})"/.exec(text)?.[1]
  if (id === undefined) throw new Error(`no app was made: ${text}`)
  return id
}
