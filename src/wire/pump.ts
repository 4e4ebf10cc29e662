import { AppError } from '#errors/index.ts'
import { type Batches, handOver } from '#lib/batches.ts'

/** Where frames go: an HTTP response or a socket. */
export interface Sink {
  /** False: full, wait for `drained` before the next. */
  write(text: string): boolean
  drained(): Promise<void>
}

export interface PumpOptions<T> {
  encode(batch: T[]): string
  /** How long a full sink may take to empty before its reader is given up. */
  stalledMs: number
}

/**
 * Moves batches from a source to a sink. A sink that is full is waited for: the source keeps what comes meanwhile
 * and hands it over merged, so a slow reader costs no memory here and never slows the source. Throws
 * `consumer-too-slow` when the sink stays full for `stalledMs`.
 */
export function pump<T>(
  source: AsyncIterable<T[]> | Batches<T>,
  sink: Sink,
  { encode, stalledMs }: PumpOptions<T>,
): Promise<void> {
  return handOver(source, (batch) => {
    const text = encode(batch)
    if (text !== '' && !sink.write(text)) return atMost(sink.drained(), stalledMs)
  })
}

/** Throws `consumer-too-slow` when `drained` takes longer than `ms`. */
export async function atMost(drained: Promise<void>, ms: number): Promise<undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('consumer-too-slow', 'The reader is too slow; resume later')), ms)
  })
  try {
    await Promise.race([drained, late])
  } finally {
    clearTimeout(timer)
  }
}
