import type { Bells } from '#lib/bells.ts'
import type { Database } from '#store/index.ts'

/** How long what a run in another process tells may take to be heard of here. */
const lookEveryMs = 2_000

/**
 * Bells that also ring for runs of other processes, where a database may have several: every two seconds for everybody
 * who waits. Those are few, and each then reads what is new of the one run that he watches.
 */
export function watchShared(database: Database, bells: Bells<string>) {
  let timer: NodeJS.Timeout | undefined

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  return {
    watch(publicId: string, listener: () => void): () => void {
      const leave = bells.watch(publicId, listener)
      if (database.dialect === 'postgres')
        timer ??= setInterval(() => (bells.watched ? bells.ringAll() : stop()), lookEveryMs).unref()
      return leave
    },
    close: stop,
  }
}
