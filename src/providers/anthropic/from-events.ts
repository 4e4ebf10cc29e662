import type { FinishReason, Usage } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { parseUpstreamJson } from '../json.ts'
import type { EventReader } from '../run-call.ts'
import { markSignature } from '../signature.ts'
import type { InputUsage, ModelPart } from '../spec.ts'
import { inputOf, usageOf } from '../token-usage.ts'
import {
  type AnswerBlock,
  type AnswerMessage,
  type BlockDelta,
  type Citation,
  redacted,
  type StreamEvent,
  type WireUsage,
} from './api.ts'
import { toldError } from './errors.ts'

interface OpenBlock {
  type: string
  /** For tool calls: our index, unless the call is the answer itself. */
  call?: number
  input: unknown
  heard: boolean
  signature: string
}

/** Reads one answer of the Messages API, event by event or whole. */
export class MessageReader implements EventReader {
  done = false
  readonly #secret: string | undefined
  readonly #answerTool: string | undefined
  readonly #blocks = new Map<number, OpenBlock>()
  #calls = 0
  #sources = 0
  #stop: string | undefined
  #id: string | undefined
  #usage: WireUsage = {}
  #counted = false

  /** `answerTool`: the tool whose input is the answer and is told as text. */
  constructor(options: { secret?: string | undefined; answerTool?: string | undefined }) {
    this.#secret = options.secret
    this.#answerTool = options.answerTool
  }

  readEvent(data: string, _event: string, out: ModelPart[]): void {
    const event = parseUpstreamJson(data) as StreamEvent
    const index = event.index ?? 0
    switch (event.type) {
      case 'content_block_delta':
        this.#delta(this.#blocks.get(index), event.delta ?? {}, out)
        return
      case 'content_block_start':
        this.#start(index, event.content_block ?? {}, out)
        return
      case 'content_block_stop':
        this.#end(index, out)
        return
      case 'message_start':
        this.#id = event.message?.id
        Object.assign(this.#usage, known(event.message?.usage))
        return
      case 'message_delta':
        if (event.delta?.stop_reason) this.#stop = event.delta.stop_reason
        if (event.usage) this.#count(event.usage)
        return
      case 'message_stop':
        this.done = true
        return
      case 'error':
        throw toldError(event.error, data, this.#secret)
      default:
        // `ping`, and whatever the protocol will add: clients are told to expect unknown events.
        if (event.error) throw toldError(event.error, data, this.#secret)
    }
  }

  readWhole(body: string): ModelPart[] {
    const message = parseUpstreamJson(body) as AnswerMessage
    if (message.error) throw toldError(message.error, body, this.#secret)
    if (!Array.isArray(message.content))
      throw new AppError('upstream-malformed', 'The upstream’s answer holds no message')
    const out: ModelPart[] = []
    this.#id = message.id
    message.content.forEach((block, index) => {
      this.#start(index, block, out)
      if (block.signature) this.#delta(this.#blocks.get(index), { signature: block.signature }, out)
      this.#end(index, out)
    })
    this.#stop = message.stop_reason ?? undefined
    if (message.usage) this.#count(message.usage)
    return [...out, this.finish()]
  }

  finish(): ModelPart {
    if (this.#stop === undefined)
      throw new AppError('upstream-malformed', 'The upstream’s answer ended without saying how it finished')
    const usage = this.#counted ? toUsage(this.#usage) : undefined
    const tier = this.#usage.service_tier
    return {
      type: 'finish',
      finishReason: toFinishReason(this.#stop, this.#calls > 0),
      ...(usage && { usage }),
      ...(this.#id && { responseId: this.#id }),
      ...(typeof tier === 'string' && { serviceTier: tier }),
    }
  }

  get toldInput(): InputUsage | undefined {
    return inputOf(toUsage({ ...this.#usage, output_tokens: 0 }))
  }

  #start(index: number, block: AnswerBlock, out: ModelPart[]): void {
    const open: OpenBlock = { type: block.type ?? '', input: block.input, heard: false, signature: '' }
    this.#blocks.set(index, open)
    if (open.type === 'tool_use' && block.name !== this.#answerTool) {
      open.call = this.#calls++
      out.push({ type: 'tool-input-start', index: open.call, callId: block.id ?? '', name: block.name ?? '' })
    }
    if (block.text) out.push({ type: 'text', text: block.text })
    if (block.thinking) this.#delta(open, { thinking: block.thinking }, out)
    if (open.type === 'redacted_thinking' && block.data)
      // Nothing to show, but the API takes back all thoughts of an answer or none.
      out.push(
        { type: 'reasoning', text: '' },
        { type: 'reasoning-end', signature: markSignature('anthropic', redacted + block.data) },
      )
    for (const citation of block.citations ?? []) this.#source(citation, out)
  }

  #delta(block: OpenBlock | undefined, delta: BlockDelta, out: ModelPart[]): void {
    if (delta.text) out.push({ type: 'text', text: delta.text })
    if (!block) return
    if (delta.thinking) {
      block.heard = true
      out.push({ type: 'reasoning', text: delta.thinking })
    }
    if (delta.signature) block.signature += delta.signature
    if (delta.partial_json && block.type === 'tool_use') this.#input(block, delta.partial_json, out)
    if (delta.citation) this.#source(delta.citation, out)
  }

  #end(index: number, out: ModelPart[]): void {
    const block = this.#blocks.get(index)
    if (!block) return
    this.#blocks.delete(index)
    // A call without arguments sends none, not even the braces.
    if (block.type === 'tool_use' && !block.heard) this.#input(block, JSON.stringify(block.input ?? {}), out)
    if (block.type !== 'thinking' || (!block.heard && block.signature === '')) return
    // Thoughts that are not shown still have a proof, which needs a part to stand in.
    if (!block.heard) out.push({ type: 'reasoning', text: '' })
    const proof = block.signature === '' ? {} : { signature: markSignature('anthropic', block.signature) }
    out.push({ type: 'reasoning-end', ...proof })
  }

  #input(block: OpenBlock, text: string, out: ModelPart[]): void {
    block.heard = true
    if (block.call === undefined) out.push({ type: 'text', text })
    else out.push({ type: 'tool-input-delta', index: block.call, text })
  }

  #source(citation: Citation, out: ModelPart[]): void {
    const title = citation.title ?? citation.document_title ?? citation.url
    if (!title) return
    const { url, cited_text: content = '' } = citation
    out.push({ type: 'source', source: { id: `s${++this.#sources}`, title, content, ...(url && { url }) } })
  }

  /** Figures are running totals: a later one takes the place of an earlier one. */
  #count(usage: WireUsage): void {
    Object.assign(this.#usage, known(usage))
    this.#counted = true
  }
}

function known(usage: WireUsage | null | undefined): WireUsage {
  return Object.fromEntries(Object.entries(usage ?? {}).filter(([, value]) => value !== null && value !== undefined))
}

function toUsage(wire: WireUsage): Usage | undefined {
  const { input_tokens: fresh, cache_creation_input_tokens: written = 0, cache_read_input_tokens: read = 0 } = wire
  const figures = [fresh, written, read]
  // One that cannot be spoils the sum.
  const believable = figures.every((figure) => typeof figure === 'number' && figure >= 0)
  const input = believable ? (figures as number[]).reduce((sum, figure) => sum + figure, 0) : undefined
  return usageOf({ input, output: wire.output_tokens, cached: read })
}

/** `called`: a real tool was called, not only the one whose input is the answer. */
function toFinishReason(stop: string, called: boolean): FinishReason {
  switch (stop) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length'
    case 'refusal':
      return 'content-filter'
    case 'tool_use':
      return called ? 'tool-calls' : 'stop'
    default:
      return 'stop'
  }
}
