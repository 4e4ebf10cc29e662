import { costMicros, type FinishReason, noUsage, type Part, type TurnEvent, type Usage } from '#contracts/index.ts'
import { AppError, toAppError } from '#errors/index.ts'
import type { ModelPart, ModelQuery, OpenedModel, OpenModel } from '#providers/spec.ts'
import type { TurnControl } from './control.ts'
import { estimateUsage } from './estimate.ts'
import type { Guard } from './moderation/index.ts'
import { PartWriter } from './part-writer.ts'

type Finish = Extract<ModelPart, { type: 'finish' }>

export interface StepDeps {
  openModel: OpenModel
  emit(event: TurnEvent, audience?: 'internal'): void
  now(): number
  /** What the answer is held to; absent: nothing. */
  guard?: Guard
}

export interface StepResult {
  writer: PartWriter
  /** The answer as the model reads it in the next step. */
  parts: Part[]
  /** Why the model stopped; `cancelled` also when it was cut short by a steer. */
  finishReason: FinishReason
  error?: AppError
  usage: Usage
  costMicros: number
}

/**
 * One call of a model, from choosing the upstream to its usage. Emits model-start … model-end with everything the
 * model wrote in between; never throws. A call that ends early is closed properly and its usage estimated: the
 * upstream charges for what it wrote, told or not.
 */
export async function modelStep(
  step: number,
  query: ModelQuery,
  deps: StepDeps,
  control: TurnControl,
  firstPart: number,
  audience?: 'internal',
): Promise<StepResult> {
  const emit = audience ? (event: TurnEvent) => deps.emit(event, audience) : deps.emit
  // A tool nobody declared is the client's affair: it may know it, as OpenAI's clients may.
  const sideOf = (name: string) => query.tools.find((tool) => tool.name === name)?.side ?? 'client'
  const writer = new PartWriter(emit, sideOf, firstPart)
  const { guard } = deps
  const answer = guard?.answer(writer)
  const startedAt = deps.now()
  const signal = control.beginStep()
  try {
    let opened: OpenedModel
    try {
      opened = await deps.openModel(query, {
        signal,
        onRetry: (error, upstream) => deps.emit({ type: 'retry', error, upstream }, 'internal'),
      })
    } catch (thrown) {
      const cancelled = signal.aborted
      return {
        writer,
        parts: [],
        finishReason: cancelled ? 'cancelled' : 'error',
        ...(!cancelled && { error: toAppError(thrown) }),
        usage: noUsage,
        costMicros: 0,
      }
    }

    emit({ type: 'model-start', step, model: query.model, upstream: opened.upstream })
    let finish = undefined as Finish | undefined
    let error: AppError | undefined
    try {
      await opened.parts.handTo((batch) => {
        if (signal.aborted) return false
        for (const piece of batch) {
          if (piece.type === 'finish') finish = piece
          else if (answer) answer.write(piece)
          else writer.write(piece)
        }
        if (!answer) return
        if (!answer.isDue) return !answer.isRefused
        return control.interruptible((cancelled) => answer.settle(cancelled)).then(() => !answer.isRefused)
      })
      if (!finish && !signal.aborted && !answer?.isRefused)
        error = new AppError('upstream-malformed', 'The upstream’s answer ended without saying how', {
          details: { upstream: opened.upstream },
        })
    } catch (thrown) {
      if (!signal.aborted) error = toAppError(thrown)
    }

    if (answer) {
      const complete = finish !== undefined
      await control.interruptible((cancelled) => answer.end(complete, cancelled))
      if (answer.isRefused && control.cancelReason === undefined) error = guard!.refusal
    }
    // Once the upstream has finished, an abort that came with it changes nothing.
    const finishReason: FinishReason = answer?.isRefused
      ? 'content-filter'
      : finish
        ? finish.finishReason
        : error
          ? 'error'
          : 'cancelled'
    const written = answer?.written ?? writer.writtenText()
    writer.end(finish !== undefined && !answer?.isRefused)
    const usage = finish?.usage ?? estimateUsage(query.messages, written, opened.toldInput?.())
    const cost = costMicros(usage, opened.price)
    emit({
      type: 'model-end',
      step,
      model: query.model,
      upstream: opened.upstream,
      finishReason,
      usage,
      costMicros: cost,
      // A clock that was set back meanwhile tells no time, least of all a negative one.
      latencyMs: Math.max(0, deps.now() - startedAt),
      responseId: finish?.responseId,
      systemFingerprint: finish?.systemFingerprint,
      serviceTier: finish?.serviceTier,
    })
    guard?.tellSpent(deps.emit)
    const parts = answer?.partsForModel() ?? writer.parts
    return { writer, parts, finishReason, error, usage, costMicros: cost }
  } finally {
    control.endStep(signal)
  }
}
