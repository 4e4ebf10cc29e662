import type { GatedPiece } from './answer-guard.ts'
import type { Guard } from './guard.ts'

const longestPiece = 4_000
const contextLength = 1_000
/** The pieces that are asked about grow with the answer by so much for each question, up to so much. */
const growth = 40
const most = 2_000
/** Where a sentence ends: at a stop with a space behind it, at a stop of scripts that put none there, at the end of a line. */
const sentenceEnd = /[.!?…؟۔।][\p{Pe}\p{Pf}"']*\s|[。！？][\p{Pe}\p{Pf}]*|\n/gu

/** Holds an answer back sentence by sentence, until those who are asked about it have let it through. */
export interface AnswerGate {
  take(piece: GatedPiece): void
  /** Enough has come to ask about it. */
  readonly isDue: boolean
  settle(signal: AbortSignal): Promise<void>
  /** Nothing more will come: asks about the rest. */
  end(signal: AbortSignal): Promise<void>
}

/** Undefined when nobody has to be asked before an answer is shown. */
export function answerGate(guard: Guard, pass: (piece: GatedPiece) => void): AnswerGate | undefined {
  const rules = guard.rules.output.asking.filter(({ action }) => action !== 'flag')
  if (rules.length === 0) return undefined
  let queue: GatedPiece[] = []
  let waiting = ''
  let passed = ''
  let questions = 0
  /** Something of the reasoning under way was masked, and the seal on it is broken. */
  let isUnsealed = false

  /** Up to where the waiting text is a piece to ask about; 0: not yet. */
  function due(): number {
    const least = Math.min(most, questions * growth)
    let end = 0
    for (const match of waiting.slice(0, longestPiece).matchAll(sentenceEnd)) end = match.index + match[0].length
    if (end > least) return end
    return waiting.length >= longestPiece ? longestPiece : 0
  }

  async function askAbout(length: number, signal: AbortSignal): Promise<void> {
    const pieces = takeFront(length)
    const text = waiting.slice(0, length)
    waiting = waiting.slice(length)
    if (text.trim() !== '') {
      questions++
      const masks = await guard.askAboutPiece(rules, passed.slice(-contextLength) + text, signal)
      if (guard.refusal || signal.aborted) return
      passed = (passed + text).slice(-contextLength)
      if (masks !== undefined) return passMasked(pieces, masks)
    }
    for (const piece of pieces) passOn(piece)
  }

  function passOn(piece: GatedPiece): void {
    const isEnd = piece.type === 'reasoning-end'
    pass(isEnd && isUnsealed ? { type: 'reasoning-end' } : piece)
    if (isEnd) isUnsealed = false
  }

  /** The pieces of the first `length` characters; one that goes on behind them is cut. */
  function takeFront(length: number): GatedPiece[] {
    const front: GatedPiece[] = []
    let left = length
    while (queue.length > 0) {
      const piece = queue[0]!
      const text = textOf(piece)
      if (text !== undefined && left === 0 && text.length > 0) break
      queue.shift()
      if (text === undefined || text.length <= left) {
        front.push(piece)
        left -= text?.length ?? 0
        continue
      }
      front.push({ ...piece, text: text.slice(0, left) } as GatedPiece)
      queue.unshift({ ...piece, text: text.slice(left) } as GatedPiece)
      break
    }
    return front
  }

  /** One mask for each run of text; arguments become an empty object, so that they stay JSON. */
  function passMasked(pieces: readonly GatedPiece[], mask: string): void {
    let last: string | undefined
    for (const piece of pieces) {
      const text = textOf(piece)
      if (text === undefined) {
        passOn(piece)
        last = undefined
      } else if (text !== '' && piece.type !== last) {
        pass({ ...piece, text: piece.type === 'tool-input-delta' ? '{}' : mask } as GatedPiece)
        last = piece.type
        isUnsealed ||= piece.type === 'reasoning'
      }
    }
  }

  return {
    take(piece) {
      queue.push(piece)
      waiting += textOf(piece) ?? ''
    },
    get isDue() {
      return due() > 0
    },
    async settle(signal) {
      for (let length = due(); length > 0 && !guard.refusal && !signal.aborted; length = due())
        await askAbout(length, signal)
    },
    async end(signal) {
      await this.settle(signal)
      while (queue.length > 0 && !guard.refusal && !signal.aborted)
        await askAbout(Math.min(waiting.length, longestPiece), signal)
      queue = []
    },
  }
}

function textOf(piece: GatedPiece): string | undefined {
  return 'text' in piece ? piece.text : undefined
}
