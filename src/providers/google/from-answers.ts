import { randomUUID } from 'node:crypto'
import type { FinishReason, Usage } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { parseUpstreamJson } from '../json.ts'
import type { EventReader } from '../run-call.ts'
import { markSignature } from '../signature.ts'
import type { InputUsage, ModelPart } from '../spec.ts'
import { inputOf, tokenCount, usageOf } from '../token-usage.ts'
import type { Candidate, GenerateAnswer, GroundingChunk, WirePart, WireUsage } from './api.ts'
import { toldError } from './errors.ts'

/** Reads one answer of generateContent, piece by piece; a whole answer is one piece. The protocol has no last event. */
export class AnswerReader implements EventReader {
  readonly done = false
  readonly #secret: string | undefined
  readonly #cited = new Set<string>()
  #calls = 0
  #finish: string | undefined
  #usage: Usage | undefined
  #id: string | undefined
  #thinking = false

  constructor(options: { secret?: string | undefined }) {
    this.#secret = options.secret
  }

  readEvent(data: string, _event: string, out: ModelPart[]): void {
    this.#read(parseUpstreamJson(data) as GenerateAnswer, data, out)
  }

  readWhole(body: string): ModelPart[] {
    const out: ModelPart[] = []
    this.#read(parseUpstreamJson(body) as GenerateAnswer, body, out)
    return [...out, this.finish()]
  }

  finish(): ModelPart {
    if (this.#finish === undefined)
      throw new AppError('upstream-malformed', 'The upstream’s answer ended without saying how it finished')
    return {
      type: 'finish',
      finishReason: toFinishReason(this.#finish, this.#calls > 0),
      ...(this.#usage && { usage: this.#usage }),
      ...(this.#id && { responseId: this.#id }),
    }
  }

  get toldInput(): InputUsage | undefined {
    return inputOf(this.#usage)
  }

  #read(answer: GenerateAnswer, text: string, out: ModelPart[]): void {
    if (answer.error) throw toldError(answer.error, text, this.#secret)
    this.#id ??= answer.responseId
    if (answer.usageMetadata) this.#usage = toUsage(answer.usageMetadata) ?? this.#usage
    const blocked = answer.promptFeedback?.blockReason
    if (blocked && blocked !== 'BLOCK_REASON_UNSPECIFIED')
      throw new AppError('content-blocked', 'The upstream’s filter refused the content', {
        details: { upstreamCode: String(blocked).slice(0, 64) },
      })
    for (const candidate of answer.candidates ?? []) if ((candidate.index ?? 0) === 0) this.#candidate(candidate, out)
  }

  #candidate(candidate: Candidate, out: ModelPart[]): void {
    for (const part of candidate.content?.parts ?? []) this.#part(part, out)
    for (const chunk of candidate.groundingMetadata?.groundingChunks ?? []) this.#source(chunk, out)
    if (candidate.finishReason && candidate.finishReason !== 'FINISH_REASON_UNSPECIFIED')
      this.#finish = candidate.finishReason
  }

  #part(part: WirePart, out: ModelPart[]): void {
    const signature = part.thoughtSignature && markSignature('google', part.thoughtSignature)
    if (part.thought) {
      if (part.text) out.push({ type: 'reasoning', text: part.text })
      if (part.text) this.#thinking = true
      if (signature && this.#thinking) this.#endThinking(signature, out)
      return
    }
    if (part.functionCall) {
      this.#thinking = false
      const index = this.#calls++
      const { id, name = '', args } = part.functionCall
      const callId = id || `call_${randomUUID().replaceAll('-', '')}`
      out.push({ type: 'tool-input-start', index, callId, name, ...(signature && { signature }) })
      out.push({ type: 'tool-input-delta', index, text: JSON.stringify(args ?? {}) })
      return
    }
    // Behind the first word of the answer there is no thought under way that a proof could end.
    if (signature && this.#thinking) this.#endThinking(signature, out)
    this.#thinking = false
    if (part.text) out.push({ type: 'text', text: part.text })
  }

  #endThinking(signature: string, out: ModelPart[]): void {
    this.#thinking = false
    out.push({ type: 'reasoning-end', signature })
  }

  #source(chunk: GroundingChunk, out: ModelPart[]): void {
    const found = chunk.web ?? chunk.retrievedContext
    const key = found?.uri ?? found?.title
    if (!found || !key || this.#cited.has(key)) return
    this.#cited.add(key)
    const content = chunk.retrievedContext?.text ?? ''
    const id = `s${this.#cited.size}`
    out.push({
      type: 'source',
      source: { id, title: found.title ?? key, content, ...(found.uri && { url: found.uri }) },
    })
  }
}

/** Thoughts are paid like output but counted apart from it; what tools read is input. */
function toUsage(wire: WireUsage): Usage | undefined {
  const { promptTokenCount: prompt, candidatesTokenCount: said = 0, thoughtsTokenCount: thought = 0 } = wire
  const counts = [prompt, wire.toolUsePromptTokenCount ?? 0, said, thought].map(tokenCount)
  if (counts.includes(undefined)) return undefined
  const [input, tools, output, reasoning] = counts as [number, number, number, number]
  return usageOf({
    input: input + tools,
    output: output + reasoning,
    cached: wire.cachedContentTokenCount,
    reasoning,
  })
}

const finishReasons: Record<string, FinishReason> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  BLOCKLIST: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
  SPII: 'content-filter',
  IMAGE_SAFETY: 'content-filter',
  IMAGE_PROHIBITED_CONTENT: 'content-filter',
  IMAGE_RECITATION: 'content-filter',
  LANGUAGE: 'content-filter',
}

/** The model wrote a call that cannot be read, or answered nothing: no `stop`, although the stream ended well. */
const broken = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MALFORMED_RESPONSE',
  'MISSING_THOUGHT_SIGNATURE',
])

function toFinishReason(wire: string, called: boolean): FinishReason {
  // It stopped, and the vendor does not say why: what there is of the answer may be nothing.
  if (wire === 'OTHER')
    throw new AppError('upstream-overloaded', 'The upstream broke off its answer', { details: { upstreamCode: wire } })
  if (broken.has(wire))
    throw new AppError('upstream-malformed', 'The upstream’s model wrote a call that cannot be read', {
      details: { upstreamCode: wire },
    })
  const reason = Object.hasOwn(finishReasons, wire) ? finishReasons[wire]! : 'stop'
  return reason === 'stop' && called ? 'tool-calls' : reason
}
