import { AppError } from '#errors/index.ts'
import { type Batches, handOver, type Taker } from '#lib/batches.ts'
import type { ModelPart } from '#providers/spec.ts'

/** Who wants to know how a call ends. */
export interface Watch {
  finished(): void
  /** Gives the error to throw. */
  failed(thrown: unknown): AppError
}

/**
 * The parts of a call that has begun: first the batch that was already read, then what `rest` brings, and a watch over
 * how it ends. Behind the part `finish` nothing is asked for. What the taker throws is not the upstream's fault.
 */
export function observeParts(
  first: ModelPart[],
  rest: AsyncIterableIterator<ModelPart[]>,
  watch: Watch,
): Batches<ModelPart> {
  return { handTo: (taker) => observe(first, rest, watch, taker) }
}

async function observe(
  first: ModelPart[],
  rest: AsyncIterableIterator<ModelPart[]>,
  watch: Watch,
  taker: Taker<ModelPart>,
): Promise<void> {
  // Finished, or the taker has had enough: from here on the upstream has nothing to answer for.
  let isOver = false
  const broke = (thrown: unknown): never => {
    isOver = true
    throw thrown
  }
  const told = (more: undefined | boolean): undefined | boolean => {
    if (more === false) isOver = true
    return isOver ? false : undefined
  }
  const see: Taker<ModelPart> = (batch) => {
    if (batch[batch.length - 1]?.type === 'finish') {
      isOver = true
      watch.finished()
    }
    try {
      const more = taker(batch)
      return more instanceof Promise ? more.then(told, broke) : told(more)
    } catch (thrown) {
      return broke(thrown)
    }
  }
  try {
    if ((await see(first)) === false) await rest.return?.()
    else await handOver(rest, see)
  } catch (thrown) {
    await rest.return?.()
    throw isOver ? thrown : watch.failed(thrown)
  }
  if (!isOver) throw watch.failed(new AppError('upstream-malformed', 'The upstream did not say how its answer ended'))
}
