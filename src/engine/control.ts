import type { Part, TurnCommand } from '#contracts/index.ts'
import { Cancellation, type CancelSignal } from '#lib/cancellation.ts'
import type { ToolOutcome } from './loop.ts'

/** Where commands meet the running engine. One per turn; the engine reads it, the runner writes it. */
export class TurnControl {
  /** Set once the turn is to end without an answer. */
  cancelReason: string | undefined
  private closed = false
  private inputs: Part[][] = []
  private readonly running: { steerable: boolean; abort(): void }[] = []
  private readonly results = new Map<string, (outcome: ToolOutcome) => void>()

  /** Returns whether the turn took the command; false when it does not (or no longer) wait for such a thing. */
  apply(command: TurnCommand): boolean {
    if (this.closed) return false
    switch (command.type) {
      case 'cancel':
        if (this.cancelReason !== undefined) return false
        this.cancelReason = command.reason ?? 'cancelled'
        for (const one of [...this.running]) one.abort()
        for (const settle of this.results.values()) settle({ result: 'The turn was cancelled.', isError: true })
        return true
      case 'steer':
        if (this.cancelReason !== undefined) return false
        this.inputs.push(command.parts)
        for (const one of [...this.running]) if (one.steerable) one.abort()
        return true
      case 'tool-result': {
        const settle = this.results.get(command.callId)
        settle?.({ result: command.result, isError: command.isError })
        return settle !== undefined
      }
      default:
        return false
    }
  }

  /** Inputs that came since the last call, oldest first. */
  takeInputs(): Part[][] {
    const taken = this.inputs
    this.inputs = []
    return taken
  }

  /** The turn takes no more commands. Call it in the same tick as the last takeInputs, or an input may be lost. */
  close(): void {
    this.closed = true
  }

  /** While `during` runs, a cancel or a steer aborts its signal. */
  steerable<T>(during: (signal: CancelSignal) => Promise<T>): Promise<T> {
    const cancellation = new Cancellation()
    return this.watched(true, cancellation, () => during(cancellation))
  }

  /** While `during` runs, a cancel aborts its signal. */
  interruptible<T>(during: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    return this.watched(false, controller, () => during(controller.signal))
  }

  private async watched<T>(steerable: boolean, by: { abort(): void }, during: () => Promise<T>): Promise<T> {
    const entry = { steerable, abort: () => by.abort() }
    this.running.push(entry)
    if (this.cancelReason !== undefined || (steerable && this.inputs.length > 0)) by.abort()
    try {
      return await during()
    } finally {
      this.running.splice(this.running.indexOf(entry), 1)
    }
  }

  /** Waits for a `tool-result` command, at most `timeoutMs`. */
  toolResult(callId: string, timeoutMs: number): Promise<ToolOutcome> {
    if (this.cancelReason !== undefined) return Promise.resolve({ result: 'The turn was cancelled.', isError: true })
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => settle({ result: `The tool gave no result within ${timeoutMs / 1000} seconds.`, isError: true }),
        timeoutMs,
      )
      const settle = (outcome: ToolOutcome) => {
        clearTimeout(timer)
        this.results.delete(callId)
        resolve(outcome)
      }
      this.results.set(callId, settle)
    })
  }
}
