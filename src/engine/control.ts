import type { Part, TurnCommand } from '#contracts/index.ts'
import { Cancellation } from '#lib/cancellation.ts'
import type { ToolOutcome } from './loop.ts'

const noInputs: readonly Part[][] = []

/** Where commands meet the running engine. One per turn; the engine reads it, the runner writes it. */
export class TurnControl {
  /** Set once the turn is to end without an answer. */
  cancelReason: string | undefined
  private closed = false
  private inputs: Part[][] = []
  /** What a cancel aborts, and with it what a steer aborts as well. */
  private readonly cancellable: { abort(): void }[] = []
  private readonly steerable: { abort(): void }[] = []
  /** Tools that the client runs, while there are any. */
  private results: Map<string, (outcome: ToolOutcome) => void> | undefined

  /** Returns whether the turn took the command; false when it does not (or no longer) wait for such a thing. */
  apply(command: TurnCommand): boolean {
    if (this.closed) return false
    switch (command.type) {
      case 'cancel':
        if (this.cancelReason !== undefined) return false
        this.cancelReason = command.reason ?? 'cancelled'
        for (const one of [...this.cancellable, ...this.steerable]) one.abort()
        for (const settle of [...(this.results?.values() ?? [])])
          settle({ result: 'The turn was cancelled.', isError: true })
        return true
      case 'steer':
        if (this.cancelReason !== undefined) return false
        this.inputs.push(command.parts)
        for (const one of [...this.steerable]) one.abort()
        return true
      case 'tool-result': {
        const settle = this.results?.get(command.callId)
        settle?.({ result: command.result, isError: command.isError })
        return settle !== undefined
      }
      default:
        return false
    }
  }

  /** Inputs that came since the last call, oldest first. */
  takeInputs(): readonly Part[][] {
    if (this.inputs.length === 0) return noInputs
    const taken = this.inputs
    this.inputs = []
    return taken
  }

  /** The turn takes no more commands. Call it in the same tick as the last takeInputs, or an input may be lost. */
  close(): void {
    this.closed = true
  }

  /** What a cancel or a steer aborts, until `endStep` is called with it. */
  beginStep(): Cancellation {
    const step = new Cancellation()
    this.steerable.push(step)
    if (this.cancelReason !== undefined || this.inputs.length > 0) step.abort()
    return step
  }

  endStep(step: Cancellation): void {
    this.steerable.splice(this.steerable.indexOf(step), 1)
  }

  /** While `during` runs, a cancel aborts its signal. */
  async interruptible<T>(during: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    this.cancellable.push(controller)
    if (this.cancelReason !== undefined) controller.abort()
    try {
      return await during(controller.signal)
    } finally {
      this.cancellable.splice(this.cancellable.indexOf(controller), 1)
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
        this.results?.delete(callId)
        resolve(outcome)
      }
      this.results ??= new Map()
      this.results.set(callId, settle)
    })
  }
}
