import type { Part } from '#contracts/index.ts'
import type { ModelPart } from '#providers/spec.ts'
import type { PartWriter } from '../part-writer.ts'
import { type AnswerGate, answerGate } from './answer-gate.ts'
import type { Guard } from './guard.ts'
import { lookThrough } from './look-through.ts'
import type { TextFilter } from './text-filter.ts'
import { lookThroughArguments } from './tool-arguments.ts'

export type Piece = Exclude<ModelPart, { type: 'finish' }>
/** Kinds of parts whose text streams. */
type Streaming = 'text' | 'reasoning' | 'refusal'

/**
 * Stands between what a model writes in one call and the writer of its parts, and lets through what may be shown. Once
 * something is refused nothing follows.
 */
export class AnswerGuard {
  /** Everything that the model wrote: what the upstream charges for, shown or not. */
  written = ''
  private readonly guard: Guard
  private readonly writer: PartWriter
  private readonly gate: AnswerGate | undefined
  private open: Streaming | 'audio' | undefined
  /** Of the reasoning part under way: as it was written, and as it was let through. */
  private reasoning = { raw: '', shown: '' }
  /** Reasoning that was masked, as its upstream wants it back, by its place among the parts. */
  private readonly unmasked = new Map<number, Part>()
  private audio: Extract<Piece, { type: 'audio' }>[] = []
  /** Arguments under way, by the index of their call. */
  private readonly inputs = new Map<number, string>()
  /** What takes time and must be done before anything else is let through. */
  private readonly waiting: (() => Promise<void>)[] = []

  constructor(guard: Guard, writer: PartWriter) {
    this.guard = guard
    this.writer = writer
    this.gate = answerGate(guard, (piece) => this.pass(piece))
  }

  get isRefused(): boolean {
    return this.guard.refusal !== undefined
  }

  /** Whether anything is held back; else rules only look on. */
  private get isHolding(): boolean {
    return this.guard.rules.output.isHolding
  }

  /** Whether `settle` has something to do before the next pieces are taken. */
  get isDue(): boolean {
    return this.waiting.length > 0 || this.gate?.isDue === true
  }

  write(piece: Piece): void {
    // What comes behind something that is being looked into waits until that is known.
    if (this.waiting.length > 0) this.waiting.push(async () => this.take(piece))
    else this.take(piece)
  }

  /** Looks into what takes time, and asks about what has come to be a piece by itself. */
  async settle(signal: AbortSignal): Promise<void> {
    // The next one last: an answer may have thousands of calls, and nothing is moved for each of them.
    const due = this.waiting.splice(0).reverse()
    for (let next = due.pop(); next && !this.isRefused; next = due.pop()) {
      await next()
      // What `next` put off comes before what was put off earlier.
      for (let last = this.waiting.pop(); last; last = this.waiting.pop()) due.push(last)
    }
    if (!this.isRefused) await this.gate?.settle(signal)
  }

  /** The call is over, `complete` if it went well: lets the rest through, or nothing of it. */
  async end(complete: boolean, signal: AbortSignal): Promise<void> {
    await this.settle(signal)
    if (this.isRefused) return
    this.close()
    if (complete) for (const index of [...this.inputs.keys()]) this.closeInput(index)
    await this.settle(signal)
    if (this.isRefused) return
    await this.gate?.end(signal)
    if (complete && !this.isRefused) await this.guard.askAboutAnswer(this.writer.writtenText(), signal)
  }

  /** The answer's parts as the model that wrote them reads them: its own reasoning is sealed, and must come back unmasked. */
  partsForModel(): Part[] {
    return this.unmasked.size === 0
      ? this.writer.parts
      : this.writer.parts.map((part, index) => this.unmasked.get(index) ?? part)
  }

  private take(piece: Piece): void {
    if (this.isRefused) return
    if (this.open !== undefined && endsPart(piece, this.open)) {
      this.close()
      // The end of a part may have to be looked into: this piece comes after it.
      if (this.waiting.length > 0) {
        this.put(() => this.take(piece))
        return
      }
    }
    switch (piece.type) {
      case 'text':
      case 'reasoning':
      case 'refusal':
        this.takeText(piece)
        break
      case 'reasoning-end':
        this.endReasoning(piece)
        break
      case 'audio':
        this.open = 'audio'
        this.written += piece.transcript ?? ''
        this.audio.push(piece)
        if (!this.isHolding) this.forward(piece)
        break
      case 'tool-input-start':
        this.written += piece.name
        if (this.inputs.has(piece.index)) this.closeInput(piece.index)
        this.put(() => {
          this.inputs.set(piece.index, '')
          this.forward(piece)
        })
        break
      case 'tool-input-delta':
        this.takeInput(piece)
        break
      case 'source':
        this.put(() => this.takeSource(piece))
    }
  }

  private takeText(piece: Extract<Piece, { type: Streaming }>): void {
    const kind = piece.type
    if (kind === 'reasoning' && this.open === undefined) this.reasoning = { raw: '', shown: '' }
    this.open = kind
    this.written += piece.text
    const filter = this.guard.filterOf(kind)
    const text = filter.write(piece.text)
    if (this.isHolding) {
      if (kind === 'reasoning') this.reasoning.raw += piece.text
      this.show(kind, text)
      this.refuseIf(filter)
    } else this.forward(piece)
  }

  private takeInput(piece: Extract<Piece, { type: 'tool-input-delta' }>): void {
    const known = this.inputs.get(piece.index)
    this.written += piece.text
    if (known === undefined) return
    this.inputs.set(piece.index, known + piece.text)
    if (!this.isHolding) this.forward(piece)
  }

  private show(kind: Streaming, text: string): void {
    if (text === '') return
    if (kind === 'reasoning') this.reasoning.shown += text
    this.forward({ type: kind, text })
  }

  /** Ends the part under way. */
  private close(): void {
    const kind = this.open
    this.open = undefined
    if (kind === 'audio') this.closeAudio()
    else if (kind !== undefined) {
      const filter = this.guard.filterOf(kind)
      const rest = filter.end()
      if (this.isHolding) this.show(kind, rest)
      this.refuseIf(filter)
    }
  }

  private endReasoning(piece: Extract<Piece, { type: 'reasoning-end' }>): void {
    if (this.open === 'reasoning') this.close()
    const { raw, shown } = this.reasoning
    this.reasoning = { raw: '', shown: '' }
    if (this.isRefused) return
    // A seal on what is masked would be broken.
    if (raw === shown || piece.signature === undefined) this.forward(piece)
    else this.forward({ type: 'reasoning-end', sealed: { type: 'reasoning', text: raw, signature: piece.signature } })
  }

  private closeAudio(): void {
    const pieces = this.audio
    this.audio = []
    this.put(async () => {
      const transcript = pieces.map((piece) => piece.transcript ?? '').join('')
      const { output } = this.guard.rules
      const looked = await lookThrough(output, transcript, this.guard.noting('output', 'audio'))
      // Sound cannot be masked.
      if (looked.blocked || looked.text !== transcript) return this.guard.refuse('output')
      if (this.isHolding) for (const piece of pieces) this.forward(piece)
    })
  }

  private closeInput(index: number): void {
    const text = this.inputs.get(index)!
    this.inputs.delete(index)
    this.put(async () => {
      const looked = await lookThroughArguments(this.guard.rules.output, text, this.guard.noting('output', 'tool-call'))
      if (looked.blocked) return this.guard.refuse('output')
      if (this.isHolding && looked.text !== '') this.forward({ type: 'tool-input-delta', index, text: looked.text })
    })
  }

  private async takeSource(piece: Extract<Piece, { type: 'source' }>): Promise<void> {
    const source = { ...piece.source }
    const { output } = this.guard.rules
    for (const field of ['title', 'content', 'url'] as const) {
      const text = source[field]
      if (text === undefined) continue
      const looked = await lookThrough(output, text, this.guard.noting('output', 'source'))
      if (looked.blocked) return this.guard.refuse('output')
      // A masked address leads nowhere.
      if (field === 'url' && looked.text !== text) delete source.url
      else source[field] = looked.text
    }
    this.forward({ type: 'source', source })
  }

  /** Does something now, or behind what is being looked into. */
  private put(work: () => void | Promise<void>): void {
    this.waiting.push(async () => {
      if (!this.isRefused) await work()
    })
  }

  private refuseIf({ blocked }: TextFilter): void {
    if (blocked) this.guard.refuse('output')
  }

  private forward(piece: GatedPiece): void {
    if (this.gate) this.gate.take(piece)
    else this.pass(piece)
  }

  private pass(piece: GatedPiece): void {
    if (piece.type === 'reasoning-end' && piece.sealed) {
      const at = this.writer.parts.length - 1
      if (this.writer.parts[at]?.type === 'reasoning') this.unmasked.set(at, piece.sealed)
      this.writer.write({ type: 'reasoning-end' })
    } else this.writer.write(piece)
  }
}

/** Whether a piece ends the part under way; tool inputs and sources stand beside it. */
function endsPart(piece: Piece, open: Streaming | 'audio'): boolean {
  if (piece.type === 'tool-input-delta' || piece.type === 'source') return false
  if (piece.type === 'reasoning-end') return open !== 'reasoning' && piece.signature !== undefined
  return piece.type !== open
}

/** A piece on its way; `sealed`: the reasoning part that ends here, as it was before it was masked. */
export type GatedPiece = Piece & { sealed?: Part }
