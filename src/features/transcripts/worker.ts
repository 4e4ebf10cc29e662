/** The thread that lays out one transcript: see messages.ts for what is said between it and its owner. */
import { parentPort, workerData } from 'node:worker_threads'
import { transcriptDocument } from './document.ts'
import type { FromOwner, FromWorker } from './messages.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

const owner = parentPort!
const say = (message: FromWorker) => owner.postMessage(message)

const batches: { turns: TranscriptTurn[]; last: boolean }[] = []
let taken = 0
let wake: () => void = () => undefined
owner.on('message', (message: FromOwner) => {
  if (message.type === 'turns') batches.push(message)
  else taken++
  wake()
})

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo())
    await new Promise<void>((resolve) => {
      wake = resolve
    })
}

async function* turns(): AsyncGenerator<TranscriptTurn> {
  for (;;) {
    say({ type: 'need' })
    await until(() => batches.length > 0)
    const batch = batches.shift()!
    yield* batch.turns
    if (batch.last) return
  }
}

/** One chunk is made while the one before is on its way, and no more. */
const ahead = 1
let sent = 0
for await (const bytes of transcriptDocument(workerData as TranscriptHead, turns())) {
  await until(() => sent - taken <= ahead)
  say({ type: 'chunk', bytes })
  sent++
}
say({ type: 'end' })
owner.close()
