/** Takes a batch. Gives false when it wants no more, and a promise when nothing may follow before that. */
export type Taker<T> = (batch: T[]) => undefined | boolean | Promise<undefined | boolean>

/** What hands its batches over; see `BatchSource.handTo`. */
export interface Batches<T> {
  handTo(taker: Taker<T>): Promise<void>
}

/**
 * Batches that come when they come: asked for one at a time (`next`, `for await`), or handed over (`handTo`), which costs one promise
 * in all where a loop over `next` costs several a batch. One consumer, and one way of the two at a time.
 */
export abstract class BatchSource<T> implements AsyncIterableIterator<T[]>, Batches<T> {
  private asked: Asked<T> | undefined
  private taker: Taker<T> | undefined
  private isBusy = false

  /** What there is now. Who has said `pending` calls `look` when that has changed. Throws what it failed with. */
  protected abstract take(): T[] | 'pending' | 'ended'

  /** Nothing more is wanted: from now on `take` says `ended`. May be called more than once. */
  abstract leave(): void

  /** The next batch, never an empty one. Rejects with what `take` throws. */
  next(): Promise<IteratorResult<T[]>> {
    return new Promise((resolve, reject) => this.ask({ resolve, reject }, undefined))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  return(): Promise<IteratorResult<T[]>> {
    this.leave()
    this.look()
    return ended
  }

  /**
   * Hands over all that follows, in order; resolves when it has ended or `taker` has had enough. Rejects with what `take`
   * throws, and with what `taker` throws; it leaves then.
   */
  handTo(taker: Taker<T>): Promise<void> {
    return new Promise((resolve, reject) => this.ask({ resolve: () => resolve(), reject }, taker))
  }

  /** `take` may have something else to say than before. */
  look(): void {
    while (this.asked && !this.isBusy) {
      let batch: T[] | 'pending' | 'ended'
      try {
        batch = this.take()
      } catch (thrown) {
        this.answered().reject(thrown)
        return
      }
      if (batch === 'pending') return
      if (batch === 'ended') this.answered().resolve(over)
      else if (this.taker) this.hand(this.taker, batch)
      else this.answered().resolve({ done: false, value: batch })
    }
  }

  private ask(asked: Asked<T>, taker: Taker<T> | undefined): void {
    this.asked = asked
    this.taker = taker
    this.look()
  }

  private answered(): Asked<T> {
    const asked = this.asked!
    this.asked = undefined
    this.taker = undefined
    return asked
  }

  private hand(taker: Taker<T>, batch: T[]): void {
    // What the taker does may make `take` have more to say: that is for when it is done.
    this.isBusy = true
    try {
      const more = taker(batch)
      if (more instanceof Promise) {
        more.then(
          (more) => this.goOn(more),
          (thrown) => this.refuse(thrown),
        )
        return
      }
      this.isBusy = false
      if (more === false) this.leave()
    } catch (thrown) {
      this.refuse(thrown)
    }
  }

  private goOn(more: undefined | boolean): void {
    this.isBusy = false
    if (more === false) this.leave()
    this.look()
  }

  private refuse(thrown: unknown): void {
    this.isBusy = false
    this.leave()
    this.answered().reject(thrown)
  }
}

/** `BatchSource.handTo` of any source. */
export function handOver<T>(source: AsyncIterable<T[]> | Batches<T>, taker: Taker<T>): Promise<void> {
  return 'handTo' in source ? source.handTo(taker) : handEach(source, taker)
}

async function handEach<T>(source: AsyncIterable<T[]>, taker: Taker<T>): Promise<void> {
  for await (const batch of source) if ((await taker(batch)) === false) return
}

interface Asked<T> {
  resolve(result: IteratorResult<T[]>): void
  reject(thrown: unknown): void
}

const over = { done: true as const, value: undefined }
const ended = Promise.resolve(over)
