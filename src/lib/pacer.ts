/**
 * Does things together that come close together. What is asked after a rest of `restMs` is done at once; what is asked
 * sooner waits until that time is over, and everything that waits is done in one go. So a quiet server delays nothing, and a busy one
 * pays for waking up, and for cold caches, once for many.
 */
export class Pacer {
  private readonly restMs: number
  private readonly most: number
  private waiting: (() => void)[] = []
  private lastAt = Number.NEGATIVE_INFINITY
  private timer: NodeJS.Timeout | undefined

  /** `most`: so many need not wait for more, which in a crowd would be the longest part of their way. */
  constructor(restMs: number, most: number) {
    this.restMs = restMs
    this.most = most
  }

  /** Calls `act` once, now or at most `restMs` later. It must not throw. */
  run(act: () => void): void {
    if (this.waiting.length > 0) {
      this.waiting.push(act)
      if (this.waiting.length >= this.most) this.flush()
      return
    }
    const now = performance.now()
    if (now - this.lastAt >= this.restMs) {
      this.lastAt = now
      act()
      return
    }
    this.waiting.push(act)
    this.timer = setTimeout(this.flush, this.restMs)
  }

  private readonly flush = (): void => {
    clearTimeout(this.timer)
    const due = this.waiting
    this.waiting = []
    this.lastAt = performance.now()
    for (const act of due) act()
  }
}
