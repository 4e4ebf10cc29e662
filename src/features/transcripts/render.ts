import { Worker } from 'node:worker_threads'
import { AppError, toAppError } from '#errors/index.ts'
import type { FromOwner, FromWorker } from './messages.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

/** What goes to the worker at once, whichever is reached first. */
const batchTurns = 64
const batchLength = 128 * 1024
/** What V8 may take in the worker; fonts and what they are shaped with lie beside it. */
const limits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

/**
 * A transcript as the bytes of a PDF. Laid out in a thread of its own, which is ended when the reader leaves or `signal`
 * fires; turns are asked for as they are needed, and laying out waits for the reader. Throws what `turns` throws, the
 * signal's reason, and `too-large` when the thread runs out of memory.
 */
export async function* renderInWorker(
  head: TranscriptHead,
  turns: AsyncIterable<TranscriptTurn>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  const source = turns[Symbol.asyncIterator]()
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    name: 'transcript',
    workerData: head,
    // It needs neither the flags nor the secrets of the server.
    execArgv: [],
    env: {},
    resourceLimits: limits,
  })
  const said: (FromWorker | { type: 'gone' })[] = []
  let failure: unknown
  let wake: () => void = () => undefined
  const fail = (reason: unknown) => {
    failure ??= reason
    wake()
  }
  const aborted = () => fail(signal!.reason)
  signal?.addEventListener('abort', aborted, { once: true })
  worker.on('message', (message: FromWorker) => {
    if (message.type === 'need') void feed(source, worker).catch(fail)
    else {
      said.push(message)
      wake()
    }
  })
  worker.on('error', (thrown) => fail(asAppError(thrown)))
  // What it said before is heard first.
  worker.on('exit', () => {
    said.push({ type: 'gone' })
    wake()
  })

  try {
    for (;;) {
      while (said.length === 0 && failure === undefined)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      if (failure !== undefined) throw failure
      const message = said.shift()!
      if (message.type === 'gone') throw toAppError(new Error('The thread ended before the transcript did'))
      if (message.type !== 'chunk') return
      yield message.bytes
      tell(worker, { type: 'taken' })
    }
  } finally {
    signal?.removeEventListener('abort', aborted)
    // Neither is waited for: each may be in the middle of something that nobody wants any more.
    void worker.terminate()
    void source.return?.().catch(() => undefined)
  }
}

function tell(worker: Worker, message: FromOwner): void {
  worker.postMessage(message)
}

async function feed(source: AsyncIterator<TranscriptTurn>, worker: Worker): Promise<void> {
  const turns: TranscriptTurn[] = []
  let length = 0
  let last = false
  while (turns.length < batchTurns && length < batchLength && !last) {
    const { done, value } = await source.next()
    if (done) last = true
    else {
      turns.push(value)
      length += value.userText.length + value.answerText.length
    }
  }
  tell(worker, { type: 'turns', turns, last })
}

function asAppError(thrown: unknown): AppError {
  if ((thrown as { code?: string }).code !== 'ERR_WORKER_OUT_OF_MEMORY') return toAppError(thrown)
  return new AppError('too-large', 'The transcript is too large to be made', { cause: thrown })
}
