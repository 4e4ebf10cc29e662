import { fork } from 'node:child_process'
import { AppError, toAppError } from '#errors/index.ts'
import type { FromOwner, FromWorker } from './messages.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

/** What goes to the worker at once, whichever is reached first. */
const batchTurns = 64
const batchLength = 128 * 1024
/** What V8 may take in the worker; fonts and what they are shaped with lie beside it. */
const limits = ['--max-old-space-size=256', '--max-semi-space-size=8']
/** What is kept of a worker's last words. */
const lastWords = 4096

/**
 * A transcript as the bytes of a PDF. Laid out in a process of its own, which is killed when the reader leaves or `signal`
 * fires; turns are asked for as they are needed, and laying out waits for the reader. Throws what `turns` throws, the
 * signal's reason, and `too-large` when the process runs out of memory.
 */
export async function* renderInWorker(
  head: TranscriptHead,
  turns: AsyncIterable<TranscriptTurn>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  const source = turns[Symbol.asyncIterator]()
  const worker = fork(new URL('./worker.ts', import.meta.url), {
    // It needs neither the flags nor the secrets of the server.
    execArgv: limits,
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const said: FromWorker[] = []
  let failure: unknown
  let complaint = ''
  let wake: () => void = () => undefined
  const fail = (reason: unknown) => {
    failure ??= reason
    wake()
  }
  const tell = (message: FromOwner) => {
    // One that is gone says so itself, by closing.
    if (worker.connected) worker.send(message, () => undefined)
  }
  const aborted = () => fail(signal!.reason)
  signal?.addEventListener('abort', aborted, { once: true })
  worker.on('message', (message: FromWorker) => {
    if (message.type === 'need') void nextTurns(source).then(tell, fail)
    else {
      said.push(message)
      wake()
    }
  })
  worker.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-lastWords)
  })
  worker.on('error', (thrown) => fail(toAppError(thrown)))
  // Comes when all that it said was heard.
  worker.on('close', (code, killedBy) => fail(asAppError(complaint || `It ended with ${killedBy ?? code}`)))
  tell({ type: 'head', head })

  try {
    for (;;) {
      while (said.length === 0 && failure === undefined)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      if (failure !== undefined) throw failure
      const message = said.shift()!
      if (message.type !== 'chunk') return
      yield message.bytes
      tell({ type: 'taken' })
    }
  } finally {
    signal?.removeEventListener('abort', aborted)
    // Neither is waited for: each may be in the middle of something that nobody wants any more.
    worker.kill('SIGKILL')
    void source.return?.().catch(() => undefined)
  }
}

async function nextTurns(source: AsyncIterator<TranscriptTurn>): Promise<FromOwner> {
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
  return { type: 'turns', turns, last }
}

/** Why a worker is gone, from its last words: V8's where its heap was too small, or its own. */
function asAppError(complaint: string): AppError {
  const cause = new Error(`The process of a transcript is gone: ${complaint}`)
  if (!complaint.includes('heap out of memory')) return toAppError(cause)
  return new AppError('too-large', 'The transcript is too large to be made', { cause })
}
