import { AppError } from '#errors/index.ts'
import { renderInWorker } from './render.ts'
import { timesIn } from './times.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

export interface TranscriptsOptions {
  /** Processes at work at once; each takes a core and up to some 200 MB. Default 1. */
  atOnce?: number
  /** Callers that may wait for one; the next is refused. Default 16. */
  waiting?: number
}

/** Conversations as PDFs. */
export function transcripts(options: TranscriptsOptions = {}) {
  const { atOnce = 1, waiting = 16 } = options
  let running = 0
  const queue: (() => void)[] = []

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    if (running < atOnce) return void running++
    if (queue.length >= waiting)
      throw new AppError('overloaded', 'Too many transcripts are being made now', { retryAfterMs: 10_000 })
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        queue.splice(queue.indexOf(turnCame), 1)
        reject(signal!.reason)
      }
      const turnCame = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      queue.push(turnCame)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  /** Whoever waits next takes the place over. */
  function leave(): void {
    const next = queue.shift()
    if (next) next()
    else running--
  }

  /**
   * The bytes of a PDF, as they become ready. Nothing happens before the first is asked for. Throws `invalid-request` for a
   * time zone that there is not, `overloaded` when too many are waiting, `too-large`, the reason of `signal`, and whatever
   * `turns` throws.
   */
  async function* renderTranscript(
    head: TranscriptHead,
    turns: AsyncIterable<TranscriptTurn>,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array> {
    // Thrown here rather than in the process, where it would be a crash.
    timesIn(head.timeZone)
    signal?.throwIfAborted()
    await enter(signal)
    try {
      yield* renderInWorker(head, turns, signal)
    } finally {
      leave()
    }
  }

  return { renderTranscript }
}

export type Transcripts = ReturnType<typeof transcripts>
