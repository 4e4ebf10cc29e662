/** One timer for any number of periodic tasks with the same period, to the millisecond. */
export type TimerWheel = {
  /** Runs `task` one period from now and then each period until it returns false. */
  every(task: () => boolean): void
}

type Entry = { task: () => boolean; firstMs: number }

export function createTimerWheel(periodMs: number): TimerWheel {
  const slots = Array.from({ length: periodMs }, () => new Set<Entry>())
  let passedMs = Math.floor(performance.now())
  let taskCount = 0
  let timer: NodeJS.Timeout | undefined

  function tick(): void {
    const now = Math.floor(performance.now())
    while (passedMs < now) {
      passedMs += 1
      const slot = slots[passedMs % periodMs]!
      for (const entry of slot) {
        if (passedMs < entry.firstMs || entry.task()) continue
        slot.delete(entry)
        taskCount -= 1
      }
    }
    if (taskCount === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }

  return {
    every(task) {
      if (timer === undefined) {
        passedMs = Math.floor(performance.now())
        timer = setInterval(tick, 1)
      }
      // Rounded up, so that a stream never gets its first token early and a slow path cannot hide in the rounding.
      const firstMs = Math.ceil(performance.now()) + periodMs
      slots[firstMs % periodMs]!.add({ task, firstMs })
      taskCount += 1
    },
  }
}
