import { AppError } from '#errors/index.ts'
import type { ModelPart } from '#providers/spec.ts'

/** Who wants to know how a call ends. */
export interface Watch {
  finished(): void
  /** Gives the error to throw. */
  failed(thrown: unknown): AppError
}

/**
 * The parts of a call that has begun: first the batch that was already read, then what `rest` brings, and a watch over
 * how it ends. Behind the part `finish` nothing is asked for. Written by hand, because a generator around every batch would
 * cost more than the batch.
 */
export function observeParts(
  first: ModelPart[],
  rest: AsyncIterator<ModelPart[]>,
  watch: Watch,
): AsyncIterable<ModelPart[]> {
  return new ObservedParts(first, rest, watch)
}

type Result = IteratorResult<ModelPart[]>

class ObservedParts implements AsyncIterableIterator<ModelPart[]> {
  private waiting: ModelPart[] | undefined
  private readonly rest: AsyncIterator<ModelPart[]>
  private readonly watch: Watch
  private over = false

  constructor(first: ModelPart[], rest: AsyncIterator<ModelPart[]>, watch: Watch) {
    this.waiting = first
    this.rest = rest
    this.watch = watch
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Result> {
    const { waiting } = this
    if (waiting === undefined) return this.over ? this.return() : this.rest.next().then(this.arrived, this.broke)
    this.waiting = undefined
    return Promise.resolve(this.arrived({ done: false, value: waiting }))
  }

  return(): Promise<Result> {
    this.over = true
    this.waiting = undefined
    return this.rest.return?.() ?? Promise.resolve({ done: true, value: undefined })
  }

  private readonly arrived = (result: Result): Result => {
    if (this.over) return result
    if (result.done) this.broke(new AppError('upstream-malformed', 'The upstream did not say how its answer ended'))
    else if (result.value[result.value.length - 1]?.type === 'finish') {
      this.over = true
      this.watch.finished()
    }
    return result
  }

  private readonly broke = (thrown: unknown): never => {
    this.over = true
    throw this.watch.failed(thrown)
  }
}
