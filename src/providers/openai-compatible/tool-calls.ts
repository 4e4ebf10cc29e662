import { randomUUID } from 'node:crypto'
import { AppError } from '#errors/index.ts'
import { isObject, parseJson } from '../json.ts'
import { markSignature } from '../signature.ts'
import type { ModelPart } from '../spec.ts'
import type { AnswerToolCall } from './api.ts'

interface OpenCall {
  /** Our own number, from 0 in order of appearance. */
  index: number
  wireIndex: number | undefined
  wireId: string | undefined
  name: string
  arguments: string
  started: boolean
}

/**
 * Tells parallel tool calls apart in what servers send: indices that begin anywhere, are missing or are all 0; ids that
 * come once, every time or never; names that are repeated with every delta.
 */
export class ToolCalls {
  readonly #calls: OpenCall[] = []
  /** The newest call of each index, and of each index with an id: an answer may have as many calls as fit into it. */
  readonly #byIndex = new Map<number, OpenCall>()
  readonly #byId = new Map<string, OpenCall>()

  get any(): boolean {
    return this.#calls.length > 0
  }

  read(delta: AnswerToolCall, out: ModelPart[]): void {
    const name = delta.function?.name || undefined
    const id = delta.id || undefined
    const wireIndex = typeof delta.index === 'number' ? delta.index : undefined
    const call = this.#find(wireIndex, id, name) ?? this.#open(wireIndex, id)
    if (!call.started && name !== undefined) {
      call.started = true
      call.name = name
      const signature = delta.extra_content?.google?.thought_signature
      const callId = call.wireId ?? `call_${randomUUID().replaceAll('-', '')}`
      out.push({
        type: 'tool-input-start',
        index: call.index,
        callId,
        name,
        ...(signature !== undefined && { signature: markSignature('openai-compatible', signature) }),
      })
      if (call.arguments !== '') out.push({ type: 'tool-input-delta', index: call.index, text: call.arguments })
    }
    const text = argumentsText(delta.function?.arguments)
    if (text === '') return
    call.arguments += text
    if (call.started) out.push({ type: 'tool-input-delta', index: call.index, text })
  }

  /** The answer is complete: a call without arguments gets the braces that some servers leave out and every client parses. */
  fill(out: ModelPart[]): void {
    for (const call of this.#calls) {
      if (!call.started || call.arguments !== '') continue
      call.arguments = '{}'
      out.push({ type: 'tool-input-delta', index: call.index, text: call.arguments })
    }
  }

  /** Throws `upstream-malformed` when a call never got its name. */
  end(): void {
    if (this.#calls.some((call) => !call.started))
      throw new AppError('upstream-malformed', 'The upstream made a tool call without a name')
  }

  #find(wireIndex: number | undefined, id: string | undefined, name: string | undefined): OpenCall | undefined {
    const last = this.#calls.at(-1)
    if (id !== undefined) {
      const same = this.#byId.get(keyOf(wireIndex, id))
      if (same) return same
    }
    if (wireIndex !== undefined) {
      const at = this.#byIndex.get(wireIndex)
      // Servers that number every parallel call 0 still give each its own id and name.
      const other = at?.wireId !== undefined && id !== undefined && id !== at.wireId && name !== undefined
      return other ? undefined : at
    }
    if (id !== undefined || last === undefined) return undefined
    // Neither index nor id: a name begins the next call, unless it only repeats that of a call still unfinished.
    const repeated = name === last.name && parseJson(last.arguments) === undefined
    return name === undefined || !last.started || repeated ? last : undefined
  }

  #open(wireIndex: number | undefined, wireId: string | undefined): OpenCall {
    const call = { index: this.#calls.length, wireIndex, wireId, name: '', arguments: '', started: false }
    this.#calls.push(call)
    if (wireIndex !== undefined) this.#byIndex.set(wireIndex, call)
    if (wireId !== undefined) this.#byId.set(keyOf(wireIndex, wireId), call)
    return call
  }
}

function keyOf(wireIndex: number | undefined, wireId: string): string {
  return `${wireIndex} ${wireId}`
}

/** The protocol says text; some servers send the object itself. */
function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return isObject(value) ? JSON.stringify(value) : ''
}
