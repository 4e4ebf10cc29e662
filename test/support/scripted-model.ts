import { setImmediate } from 'node:timers/promises'
import type { FinishReason, Price, Usage } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { handOver } from '#lib/batches.ts'
import type { CancelSignal } from '#lib/cancellation.ts'
import type { ModelPart, ModelQuery, OpenModel } from '#providers/spec.ts'

/** What a model does in one call. */
export interface ModelScript {
  /** Thrown instead of beginning to answer. */
  opening?: AppError
  /** What is written, batch by batch. A `finish` belongs into the last one. */
  batches: ModelPart[][]
  /** Thrown after the batches. Without it and without a `finish` the answer just ends. */
  failure?: AppError
  /** Goes on as if nothing were when its signal aborts, as bytes that were on the way do. */
  deaf?: boolean
}

export interface ScriptedModel {
  openModel: OpenModel
  /** What the calls to come are answered with, oldest first; then `Done.` and an end. */
  scripts: ModelScript[]
  /** Every query so far. */
  queries: ModelQuery[]
}

/** A model in this process. `before` is told before each batch, and may wait. */
export function scriptedModel(
  options: {
    scripts?: ModelScript[]
    price?: Price
    before?(signal: CancelSignal): void | Promise<void>
    /** Answers what no script is left for. */
    answer?(query: ModelQuery): ModelScript
  } = {},
): ScriptedModel {
  const { price = { input: 0, output: 0 }, before } = options
  const scripts = [...(options.scripts ?? [])]
  const queries: ModelQuery[] = []

  async function* answer(script: ModelScript, signal: CancelSignal): AsyncGenerator<ModelPart[]> {
    for (const batch of script.batches) {
      await before?.(signal)
      if (signal.aborted && !script.deaf) throw new AppError('cancelled', 'The model call was cancelled')
      yield batch
    }
    await before?.(signal)
    if (signal.aborted) throw new AppError('cancelled', 'The model call was cancelled')
    if (script.failure) throw script.failure
  }

  return {
    scripts,
    queries,
    async openModel(query, { signal }) {
      queries.push(query)
      const script = scripts.shift() ?? options.answer?.(query) ?? done
      await before?.(signal)
      if (signal.aborted) throw new AppError('cancelled', 'The model call was cancelled')
      if (script.opening) throw script.opening
      const batches = answer(script, signal)
      return { upstream: 'scripted', price, parts: { handTo: (taker) => handOver(batches, taker) } }
    },
  }
}

const done: ModelScript = {
  batches: [
    [
      { type: 'text', text: 'Done.' },
      { type: 'finish', finishReason: 'stop' },
    ],
  ],
}

export function finish(finishReason: FinishReason, usage?: Partial<Usage>): ModelPart {
  return {
    type: 'finish',
    finishReason,
    ...(usage && { usage: { ...tenTokens, ...usage } }),
  }
}

const tenTokens: Usage = {
  inputTokens: 10,
  outputTokens: 10,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  estimated: false,
}

/** A script of one answer. */
export function says(...texts: string[]): ModelScript {
  return { batches: [...texts.map((text): ModelPart[] => [{ type: 'text', text }]), [finish('stop', {})]] }
}

/** A script of one or more tool calls. */
export function calls(...tools: { callId: string; name: string; arguments?: string }[]): ModelScript {
  return {
    batches: [
      tools.flatMap(({ callId, name, arguments: text = '{}' }, index): ModelPart[] => [
        { type: 'tool-input-start', index, callId, name },
        { type: 'tool-input-delta', index, text },
      ]),
      [finish('tool-calls', {})],
    ],
  }
}

/** Lets everything that is ready run. */
export const breath = () => setImmediate()
