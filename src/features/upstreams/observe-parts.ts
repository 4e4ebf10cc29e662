import { AppError } from '#errors/index.ts'
import type { ModelPart } from '#providers/spec.ts'

/**
 * The parts of a call that has begun: first the batch that was already read, then what `rest` brings, and a watch over
 * how it ends. Written by hand, because a generator around every batch would cost more than the batch.
 */
export function observeParts(
  first: ModelPart[],
  rest: AsyncIterator<ModelPart[]>,
  watch: {
    finished(): void
    /** Gives the error to throw. */
    failed(thrown: unknown): AppError
  },
): AsyncIterable<ModelPart[]> {
  let waiting: ModelPart[] | undefined = first
  let over = false

  function arrived(result: IteratorResult<ModelPart[]>): IteratorResult<ModelPart[]> {
    if (over) return result
    if (result.done) throw broke(new AppError('upstream-malformed', 'The upstream did not say how its answer ended'))
    const parts = result.value
    if (parts[parts.length - 1]?.type === 'finish') {
      over = true
      watch.finished()
    }
    return result
  }

  function broke(thrown: unknown): AppError {
    over = true
    return watch.failed(thrown)
  }

  function thrownAs(thrown: unknown): never {
    throw broke(thrown)
  }

  const iterator: AsyncIterator<ModelPart[]> = {
    next() {
      if (!waiting) return rest.next().then(arrived, thrownAs)
      const value = waiting
      waiting = undefined
      return Promise.resolve(arrived({ done: false, value }))
    },
    async return() {
      over = true
      waiting = undefined
      await rest.return?.()
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
