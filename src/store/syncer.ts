import { fdatasync, openSync } from 'node:fs'

/** fdatasync of a file off the event loop; calls that wait together share one. Rejects with what the system says. */
export function syncer(path: string): () => Promise<void> {
  let fd: number | undefined
  let running = false
  let next: { resolve: () => void; reject: (reason: unknown) => void }[] = []

  function start(): void {
    const served = next
    next = []
    try {
      fd ??= openSync(path, 'r+')
    } catch (error) {
      for (const waiter of served) waiter.reject(error)
      return
    }
    running = true
    fdatasync(fd, (error) => {
      running = false
      for (const waiter of served) error ? waiter.reject(error) : waiter.resolve()
      if (next.length > 0) start()
    })
  }

  return () =>
    new Promise((resolve, reject) => {
      next.push({ resolve, reject })
      if (!running) start()
    })
}
