/**
 * Does things together that come close together. What is asked after a rest of `restMs` is done at once; what is asked
 * sooner waits until that time is over, and everything that waits is done in one go. So a quiet server delays nothing, and a busy one
 * pays for waking up, and for cold caches, once for many.
 */
export class Pacer {
  private readonly restMs: number
  private readonly now: () => number
  private waiting: (() => void)[] = []
  private lastAt = Number.NEGATIVE_INFINITY

  constructor(restMs: number, now: () => number = () => performance.now()) {
    this.restMs = restMs
    this.now = now
  }

  /** Calls `act` once, now or at most `restMs` later. It must not throw. */
  run(act: () => void): void {
    if (this.waiting.length > 0) {
      this.waiting.push(act)
      return
    }
    const now = this.now()
    if (now - this.lastAt >= this.restMs) {
      this.lastAt = now
      act()
      return
    }
    this.waiting.push(act)
    setTimeout(this.flush, this.restMs)
  }

  private readonly flush = (): void => {
    const due = this.waiting
    this.waiting = []
    this.lastAt = this.now()
    for (const act of due) act()
  }
}
