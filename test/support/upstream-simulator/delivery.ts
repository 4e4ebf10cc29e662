import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { UpstreamRequest } from './requests.ts'
import { inputText, keyOf } from './requests.ts'
import {
  type Ending,
  errorBody,
  type Finish,
  type Move,
  type ToolCallMove,
  type Wire,
  type WireTokens,
  wires,
} from './wires.ts'

/** What goes wrong with one answer. Kinds but `status` and `html` strike after so many deltas (`Reply.after`). */
export type Strike =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: object }
  | { kind: 'html' }
  /** The head, then nothing. */
  | { kind: 'silence' }
  /** Nothing more, until the client leaves. */
  | { kind: 'stall' }
  /** TCP reset. */
  | { kind: 'reset' }
  /** A proper end of the HTTP answer, but not of what it carries. */
  | { kind: 'cut' }
  | { kind: 'malformed' }
  /** The vendor's error object inside the 200 answer. */
  | { kind: 'error' }

/** One scripted answer. Everything may be left out: then the simulator says `You said: <last user message>`. */
export interface Reply {
  /** One delta, or several. */
  text?: string | readonly string[]
  reasoning?: string | readonly string[]
  /** Proof of the reasoning (Anthropic). Default `sig-sim`. */
  signature?: string
  refusal?: string
  toolCalls?: readonly ToolCallMove[]
  /** Default `tool-calls` when there are any, else `stop`. */
  finish?: Finish
  /** Default: counted words of request and answer. */
  usage?: WireTokens | 'missing' | 'negative' | 'twice'
  /** Cut the answer's bytes into chunks of this size, through frames and characters alike. */
  tear?: number
  strike?: Strike
  /** Deltas sent before `strike`. Default 0. */
  after?: number
  /** Sent as it is instead of everything above. */
  raw?: { status?: number; headers?: Record<string, string>; body: string | Buffer }
}

/** How the simulator counts tokens: words. */
export function countTokens(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

/** Writes one answer to one request. */
export class Delivery {
  readonly #request: UpstreamRequest
  readonly #response: ServerResponse
  readonly #wire: Wire
  readonly #inputTokens: number
  readonly #moves: Move[] = []
  #tear: number | undefined
  #begun = false

  constructor(request: UpstreamRequest, response: ServerResponse, number: number, reply: Reply = {}) {
    this.#request = request
    this.#response = response
    this.#inputTokens = countTokens(inputText(request.body))
    this.#tear = reply.tear
    this.#wire = wires[request.vendor]({
      model: request.model,
      number,
      body: request.body,
      tokens: tokensOf(reply.usage, { input: this.#inputTokens, output: 0 }),
      signature: reply.signature ?? 'sig-sim',
    })
  }

  /** Plays a scripted answer to its end, or to where it breaks. */
  async play(reply: Reply): Promise<void> {
    if (reply.raw) {
      this.#raw(reply.raw)
      return
    }
    const moves = movesOf(reply, this.#request)
    const { strike } = reply
    if (!strike) {
      for (const move of moves) this.move(move)
      this.finish(reply)
      return
    }
    let left = reply.after ?? 0
    for (const move of moves) if (left-- > 0) this.move(move)
    await this.strike(strike, moves.slice(reply.after ?? 0), reply)
  }

  move(move: Move): void {
    this.#moves.push(move)
    if (!this.#request.stream) return
    this.#begin()
    for (const frame of this.#wire.move(move)) this.#write(frame)
  }

  finish(reply: Pick<Reply, 'finish' | 'usage'> = {}): void {
    const ending = this.#ending(reply)
    if (this.#request.stream) {
      this.#begin()
      this.#write(this.#wire.close(ending))
    } else this.#json(200, this.#wire.whole(this.#moves, ending))
    this.#response.end()
  }

  async strike(strike: Strike, rest: readonly Move[] = [], reply: Reply = {}): Promise<void> {
    const { stream } = this.#request
    switch (strike.kind) {
      case 'status':
        this.#json(strike.status, strike.body ?? this.#errorBody(strike.status), strike.headers)
        this.#response.end()
        return
      case 'html':
        this.#raw({ headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Welcome</title>' })
        return
      case 'silence':
        this.#head()
        this.#response.flushHeaders()
        return
      case 'stall':
      case 'reset':
        if (stream) this.#begin()
        else this.#half(rest, reply)
        if (strike.kind === 'reset') await this.#reset()
        return
      case 'cut':
        if (stream) this.#begin()
        else this.#half(rest, reply)
        this.#response.end()
        return
      case 'malformed':
        if (!stream) {
          this.#raw({ headers: { 'content-type': 'application/json' }, body: '{"choices": [{' })
          return
        }
        this.#begin()
        this.#write(this.#wire.malformed())
        for (const move of rest) this.move(move)
        this.finish(reply)
        return
      case 'error':
        if (!stream) this.#json(200, this.#errorBody(500))
        else {
          this.#begin()
          this.#write(this.#wire.error())
        }
        this.#response.end()
    }
  }

  /** Bytes as they are, in the middle of a stream. */
  write(bytes: string | Buffer): void {
    this.#begin()
    this.#write(bytes)
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#head()
    this.#response.flushHeaders()
    this.#write(this.#wire.open())
  }

  #head(): void {
    const type = this.#request.stream ? 'text/event-stream; charset=utf-8' : 'application/json'
    this.#response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
  }

  #write(text: string | Buffer): void {
    const bytes = Buffer.from(text as string)
    if (bytes.length === 0) return
    const size = this.#tear ?? bytes.length
    for (let from = 0; from < bytes.length; from += size) this.#response.write(bytes.subarray(from, from + size))
  }

  #json(status: number, body: object, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers })
    this.#write(JSON.stringify(body))
  }

  /** The first half of a whole answer. */
  #half(rest: readonly Move[], reply: Reply): void {
    this.#head()
    const body = Buffer.from(JSON.stringify(this.#wire.whole([...this.#moves, ...rest], this.#ending(reply))))
    this.#write(body.subarray(0, body.length / 2))
  }

  #raw({ status = 200, headers = {}, body }: NonNullable<Reply['raw']>): void {
    this.#response.writeHead(status, headers)
    this.#write(body)
    this.#response.end()
  }

  /** Only what has left this process reaches the client before a reset. */
  async #reset(): Promise<void> {
    const { socket } = this.#response
    if (!socket) return
    do await setImmediate()
    while (socket.writableLength > 0)
    socket.resetAndDestroy()
  }

  #errorBody(status: number): object {
    return errorBody(this.#request.vendor, status, keyOf(this.#request.headers))
  }

  #ending(reply: Pick<Reply, 'finish' | 'usage'>): Ending {
    const called = this.#moves.some((move) => 'toolCall' in move)
    const output = countTokens(JSON.stringify(this.#moves.map((move) => Object.values(move).join(''))))
    const tokens = tokensOf(reply.usage, { input: this.#inputTokens, output: Math.max(1, output) })
    return {
      finish: reply.finish ?? (called ? 'tool-calls' : 'stop'),
      ...(tokens && { tokens }),
      ...(reply.usage === 'twice' && { twice: true }),
    }
  }
}

function tokensOf(usage: Reply['usage'], counted: WireTokens): WireTokens | undefined {
  if (usage === 'missing') return undefined
  if (usage === 'negative') return { input: -counted.input, output: -1 }
  return usage === undefined || usage === 'twice' ? counted : usage
}

function movesOf(reply: Reply, request: UpstreamRequest): Move[] {
  const { text, reasoning, refusal, toolCalls } = reply
  const silent = text === undefined && reasoning === undefined && refusal === undefined && !toolCalls
  const spoken = silent ? echo(request.lastUserText) : text
  return [
    ...list(reasoning).map((piece) => ({ reasoning: piece })),
    ...list(spoken).map((piece) => ({ text: piece })),
    ...list(refusal).map((piece) => ({ refusal: piece })),
    ...(toolCalls ?? []).map((toolCall) => ({ toolCall })),
  ]
}

/** The default answer, word by word. */
function echo(text: string): string[] {
  return `You said: ${text}`.match(/\S+\s*/g) ?? []
}

function list(pieces: string | readonly string[] | undefined): readonly string[] {
  if (pieces === undefined) return []
  return typeof pieces === 'string' ? [pieces] : pieces
}
