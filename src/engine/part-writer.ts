import type { Part, PartKind, TurnEvent } from '#contracts/index.ts'
import type { ModelPart } from '#providers/spec.ts'

/** A tool call the model has finished writing. `part` is its part number. */
export interface WrittenCall {
  part: number
  callId: string
  name: string
  arguments: string
  side: 'client' | 'server'
  signature?: string
}

/** A part under way. `half`: the first half of a character at the end of its text, not told until the second has come. */
interface Growing {
  half: string
}

interface OpenTool extends WrittenCall, Growing {
  index: number
}

interface OpenPart extends Growing {
  part: number
  kind: Exclude<PartKind, 'tool-input'>
  at: number
}

/**
 * Turns the flat parts of one model call into events with starts and ends: consecutive pieces of one kind are one
 * part, tool inputs may grow side by side. Keeps what was written, for the next step's context and for estimating.
 * No event tears a character apart, however the upstream cut its text: readers make bytes of each by itself.
 */
export class PartWriter {
  /** The answer of this call, in order. */
  readonly parts: Part[] = []
  readonly calls: WrittenCall[] = []
  private readonly emit: (event: TurnEvent) => void
  private readonly sideOf: (tool: string) => 'client' | 'server'
  private next: number
  private open: OpenPart | undefined
  private tools: OpenTool[] = []
  /** The newest tool input of each index. */
  private readonly toolByIndex = new Map<number, OpenTool>()

  constructor(emit: (event: TurnEvent) => void, sideOf: (tool: string) => 'client' | 'server', firstPart: number) {
    this.emit = emit
    this.sideOf = sideOf
    this.next = firstPart
  }

  /** The number the next part would get. */
  get nextPart(): number {
    return this.next
  }

  write(piece: Exclude<ModelPart, { type: 'finish' }>): void {
    switch (piece.type) {
      case 'text': {
        const part = this.growing('text')
        const text = this.grow(piece.text)
        if (piece.logprobs !== undefined) this.emit({ type: 'text-delta', part, text, logprobs: piece.logprobs })
        else if (text !== '') this.emit({ type: 'text-delta', part, text })
        return
      }
      case 'reasoning': {
        const part = this.growing('reasoning')
        const text = this.grow(piece.text)
        if (text !== '') this.emit({ type: 'reasoning-delta', part, text })
        return
      }
      case 'refusal': {
        const part = this.growing('refusal')
        const text = this.grow(piece.text)
        if (text !== '') this.emit({ type: 'refusal-delta', part, text })
        return
      }
      case 'reasoning-end': {
        // A proof may come for reasoning that the upstream keeps to itself.
        if (this.open?.kind !== 'reasoning' && piece.signature !== undefined) this.growing('reasoning')
        if (this.open?.kind === 'reasoning') this.endOpen(piece.signature)
        return
      }
      case 'audio': {
        const part = this.growing('audio')
        const written = this.parts[this.open!.at]
        if (written?.type === 'audio')
          this.parts[this.open!.at] = {
            ...written,
            data: written.data + piece.data,
            transcript: (written.transcript ?? '') + (piece.transcript ?? ''),
            ...(piece.id !== undefined && { id: piece.id }),
            ...(piece.format !== undefined && { format: piece.format }),
          }
        const { type: _, data, ...rest } = piece
        if (rest.transcript !== undefined) rest.transcript = tellable(this.open!, rest.transcript)
        this.emit({ type: 'audio-delta', part, text: data, ...rest })
        return
      }
      case 'tool-input-start': {
        this.endOpen()
        const tool: OpenTool = {
          index: piece.index,
          part: this.next++,
          callId: piece.callId,
          name: piece.name,
          arguments: '',
          half: '',
          side: this.sideOf(piece.name),
          ...(piece.signature !== undefined && { signature: piece.signature }),
        }
        this.tools.push(tool)
        this.toolByIndex.set(tool.index, tool)
        const { part, callId, name, side } = tool
        this.emit({ type: 'part-start', part, kind: 'tool-input', callId, name, side })
        return
      }
      case 'tool-input-delta': {
        const tool = this.toolByIndex.get(piece.index)
        if (!tool) return
        tool.arguments += piece.text
        const text = tellable(tool, piece.text)
        if (text !== '') this.emit({ type: 'tool-input-delta', part: tool.part, text })
        return
      }
      case 'source':
        this.parts.push({ type: 'source', source: piece.source })
        this.emit({ type: 'source', source: piece.source })
    }
  }

  /** Ends everything open. `complete`: the call went well, so its tool inputs are calls; else they are dropped. */
  end(complete: boolean): void {
    this.endOpen()
    for (const tool of this.tools) {
      if (tool.half !== '') this.emit({ type: 'tool-input-delta', part: tool.part, text: tool.half })
      this.emit({
        type: 'part-end',
        part: tool.part,
        ...(tool.signature !== undefined && { signature: tool.signature }),
      })
      if (!complete) continue
      const { index: _index, half: _half, ...call } = tool
      this.calls.push(call)
      this.parts.push({
        type: 'tool-call',
        callId: call.callId,
        name: call.name,
        arguments: call.arguments,
        ...(call.signature !== undefined && { signature: call.signature }),
      })
    }
    this.tools = []
    this.toolByIndex.clear()
  }

  /** Everything the model wrote in this call, for estimating its tokens. */
  writtenText(): string {
    let text = ''
    for (const part of this.parts)
      if (part.type === 'text' || part.type === 'reasoning' || part.type === 'refusal') text += part.text
    for (const call of this.calls) text += call.name + call.arguments
    for (const tool of this.tools) text += tool.name + tool.arguments
    return text
  }

  private growing(kind: 'text' | 'reasoning' | 'refusal' | 'audio'): number {
    if (this.open?.kind === kind) return this.open.part
    this.endOpen()
    const part = this.next++
    this.open = { part, kind, at: this.parts.length, half: '' }
    this.parts.push(kind === 'audio' ? { type: 'audio', data: '', format: '' } : { type: kind, text: '' })
    this.emit({ type: 'part-start', part, kind })
    return part
  }

  /** Adds to the open part; gives what of it can be told. */
  private grow(text: string): string {
    const open = this.open!
    const written = this.parts[open.at] as { text: string }
    written.text += text
    return tellable(open, text)
  }

  private endOpen(signature?: string): void {
    if (!this.open) return
    if (signature !== undefined) {
      const written = this.parts[this.open.at]
      if (written?.type === 'reasoning') this.parts[this.open.at] = { ...written, signature }
    }
    const { part, kind, half } = this.open
    if (half !== '')
      this.emit(
        kind === 'audio'
          ? { type: 'audio-delta', part, text: '', transcript: half }
          : { type: `${kind}-delta`, part, text: half },
      )
    this.emit({ type: 'part-end', part, ...(signature !== undefined && { signature }) })
    this.open = undefined
  }
}

/** A text that a part has grown by as it can be told: with a half that was kept back, without one at its own end. */
function tellable(growing: Growing, text: string): string {
  if (growing.half === '' && !endsInHalf(text)) return text
  const whole = growing.half + text
  const end = endsInHalf(whole) ? whole.length - 1 : whole.length
  growing.half = whole.slice(end)
  return whole.slice(0, end)
}

function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}
