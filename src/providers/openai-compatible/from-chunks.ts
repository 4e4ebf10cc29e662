import type { FinishReason, Usage } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { parseUpstreamJson } from '../json.ts'
import { markSignature } from '../signature.ts'
import type { InputUsage, ModelPart } from '../spec.ts'
import { inputOf, tokenCount, usageOf } from '../token-usage.ts'
import type { AnswerToolCall, Choice, Completion, Delta, WireUsage } from './api.ts'
import { ChunkTemplate } from './chunk-template.ts'
import { toldError } from './errors.ts'
import { ToolCalls } from './tool-calls.ts'

/** Reads one answer, chunk by chunk; a whole answer is one chunk. */
export class ChunkReader {
  /** True once `[DONE]` was read. */
  done = false
  readonly #secret: string | undefined
  readonly #audioFormat: string | undefined
  #template: ChunkTemplate | undefined
  #toolCalls: ToolCalls | undefined
  #citations: Set<string> | undefined
  #wireFinish: string | undefined
  #usage: Usage | undefined
  #id: string | undefined
  #fingerprint: string | undefined
  #tier: string | undefined

  constructor(options: { secret?: string | undefined; audioFormat?: string | undefined }) {
    this.#secret = options.secret
    this.#audioFormat = options.audioFormat
  }

  /** One event's data → parts, appended to `out`. Throws AppError when it is no JSON object or tells an error. */
  readEvent(data: string, event: string, out: ModelPart[]): void {
    if (data === '[DONE]') {
      this.done = true
      return
    }
    this.#template ??= new ChunkTemplate()
    const content = this.#template.contentOf(data)
    if (content !== undefined && event !== 'error') {
      this.#text(content, undefined, out)
      return
    }
    const chunk = parseUpstreamJson(data) as Completion
    if (event === 'error') throw toldError(chunk.error ?? chunk, data, this.#secret)
    const had = out.length
    this.read(chunk, data, out)
    const only = out.length === had + 1 ? out[had] : undefined
    if (only?.type === 'text' && only.logprobs === undefined && saysOnlyText(chunk))
      this.#template.learn(data, only.text)
  }

  read(chunk: Completion, text: string, out: ModelPart[]): void {
    const error = chunk.error ?? chunk.x_groq?.error
    if (error) throw toldError(error, text, this.#secret)
    if (chunk.object === 'error') throw toldError(chunk, text, this.#secret)
    // Azure's first chunk has an empty one.
    this.#id ||= chunk.id
    if (chunk.system_fingerprint) this.#fingerprint = chunk.system_fingerprint
    if (chunk.service_tier) this.#tier = chunk.service_tier
    const usage = chunk.usage ?? chunk.x_groq?.usage
    if (usage) this.#usage = toUsage(usage) ?? this.#usage
    if (!Array.isArray(chunk.choices)) return
    for (const choice of chunk.choices) if (choice && (choice.index ?? 0) === 0) this.#choice(choice, out)
  }

  /** The last part. Throws `upstream-malformed` when the answer did not say how it finished. */
  finish(): ModelPart {
    const wire = this.#wireFinish
    if (wire === undefined)
      throw new AppError('upstream-malformed', 'The upstream’s answer ended without saying how it finished')
    this.#toolCalls?.end()
    return {
      type: 'finish',
      finishReason: toFinishReason(wire, this.#toolCalls?.any === true),
      usage: this.#usage,
      responseId: this.#id || undefined,
      systemFingerprint: this.#fingerprint,
      serviceTier: this.#tier,
    }
  }

  get toldInput(): InputUsage | undefined {
    return inputOf(this.#usage)
  }

  /** The body of a whole answer → its parts, `finish` last. Throws AppError as a stream would. */
  readWhole(body: string): ModelPart[] {
    const completion = parseUpstreamJson(body) as Completion
    const parts: ModelPart[] = []
    this.read(completion, body, parts)
    if (!completion.choices?.some((choice) => choice?.message))
      throw new AppError('upstream-malformed', 'The upstream’s answer holds no message')
    parts.push(this.finish())
    return parts
  }

  #choice(choice: Choice, out: ModelPart[]): void {
    const delta = choice.delta ?? (choice.message && numbered(choice.message))
    if (delta) this.#delta(delta, choice.logprobs?.content ?? undefined, out)
    if (!choice.finish_reason) return
    this.#wireFinish = choice.finish_reason
    if (choice.finish_reason !== 'length') this.#toolCalls?.fill(out)
  }

  #delta(delta: Delta, logprobs: unknown[] | undefined, out: ModelPart[]): void {
    readReasoning(delta, out)
    if (typeof delta.content === 'string') this.#text(delta.content, logprobs, out)
    else if (Array.isArray(delta.content)) this.#content(delta.content, logprobs, out)
    else if (logprobs !== undefined) out.push({ type: 'text', text: '', logprobs })
    if (delta.refusal) out.push({ type: 'refusal', text: delta.refusal })
    if (delta.tool_calls) for (const call of delta.tool_calls) this.#toolCall(call, out)
    if (delta.function_call) this.#toolCall({ index: 0, function: delta.function_call }, out)
    if (delta.audio) this.#audio(delta.audio, out)
    if (delta.annotations) this.#annotations(delta.annotations, out)
  }

  #text(text: string, logprobs: unknown[] | undefined, out: ModelPart[]): void {
    if (logprobs !== undefined) out.push({ type: 'text', text, logprobs })
    else if (text !== '') out.push({ type: 'text', text })
  }

  /** Mistral sends lists of parts. */
  #content(
    content: Exclude<Delta['content'], string | null | undefined>,
    logprobs: unknown[] | undefined,
    out: ModelPart[],
  ): void {
    for (const part of content) {
      if (part.type === 'thinking' && Array.isArray(part.thinking)) {
        const text = part.thinking.map((item: { text?: string }) => item?.text ?? '').join('')
        if (text !== '') out.push({ type: 'reasoning', text })
      } else if (typeof part.text === 'string') this.#text(part.text, logprobs, out)
    }
  }

  #toolCall(call: AnswerToolCall, out: ModelPart[]): void {
    this.#toolCalls ??= new ToolCalls()
    this.#toolCalls.read(call, out)
  }

  #audio(audio: NonNullable<Delta['audio']>, out: ModelPart[]): void {
    out.push({
      type: 'audio',
      data: audio.data ?? '',
      ...(audio.transcript !== undefined && { transcript: audio.transcript }),
      ...(audio.id !== undefined && { id: audio.id }),
      ...(audio.expires_at !== undefined && { expiresAt: audio.expires_at }),
      ...(this.#audioFormat !== undefined && { format: this.#audioFormat }),
    })
  }

  #annotations(annotations: NonNullable<Delta['annotations']>, out: ModelPart[]): void {
    this.#citations ??= new Set()
    const known = this.#citations
    for (const { url_citation: citation } of annotations) {
      const url = citation?.url
      if (!citation || !url || known.has(url)) continue
      known.add(url)
      const { title, content, start_index, end_index } = citation
      const isPlaced = tokenCount(start_index) !== undefined && tokenCount(end_index) !== undefined
      const metadata = isPlaced && { metadata: { start_index, end_index } }
      const id = `s${known.size}`
      out.push({ type: 'source', source: { id, title: title ?? url, url, content: content ?? '', ...metadata } })
    }
  }
}

/** In a whole answer each entry is a call, whatever its index and id say. */
function numbered(message: Delta): Delta {
  const calls = message.tool_calls
  return calls ? { ...message, tool_calls: calls.map((call, index) => ({ ...call, index })) } : message
}

/** Whether a chunk that gave one text part meant nothing else by itself. */
function saysOnlyText(chunk: Completion): boolean {
  const choice = chunk.choices?.length === 1 ? chunk.choices[0] : undefined
  return choice !== undefined && !choice.finish_reason && !chunk.usage && !chunk.x_groq
}

/** The same thought may stand under two names in one delta; it is taken once. */
function readReasoning(delta: Delta, out: ModelPart[]): void {
  const plain = delta.reasoning_content || delta.reasoning
  if (plain) out.push({ type: 'reasoning', text: plain })
  if (!Array.isArray(delta.reasoning_details)) return
  for (const detail of delta.reasoning_details) {
    const text = detail.text || detail.summary
    if (text && !plain) out.push({ type: 'reasoning', text })
    if (detail.signature)
      out.push({ type: 'reasoning-end', signature: markSignature('openai-compatible', detail.signature) })
  }
}

function toUsage(usage: WireUsage): Usage | undefined {
  const reasoning = usage.completion_tokens_details?.reasoning_tokens
  return usageOf({
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens,
    reasoning,
    isReasoningApart: addsUp(usage.total_tokens, usage.prompt_tokens, usage.completion_tokens, reasoning),
  })
}

/** Grok counts thoughts beside `completion_tokens`, where others count them among these: only the total tells. */
function addsUp(total: unknown, ...figures: unknown[]): boolean {
  const counts = figures.map(tokenCount)
  return counts.every((count) => count !== undefined) && counts.reduce((sum, count) => sum + count, 0) === total
}

function toFinishReason(wire: string, toolCalls: boolean): FinishReason {
  switch (wire) {
    case 'length':
    case 'max_tokens':
    case 'model_length':
      return 'length'
    case 'content_filter':
      return 'content-filter'
    case 'error':
    case 'insufficient_system_resource':
      throw new AppError('upstream-overloaded', 'The upstream broke off its answer', {
        details: { upstreamCode: wire },
      })
    default:
      // Some servers say `stop` behind tool calls, and some `tool_calls` without any.
      return toolCalls ? 'tool-calls' : 'stop'
  }
}
