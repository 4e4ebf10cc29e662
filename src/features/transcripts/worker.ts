/** The process that lays out one transcript: see messages.ts for what is said between it and its owner, who ends it. */
import { transcriptDocument } from './document.ts'
import type { FromOwner, FromWorker } from './messages.ts'
import type { TranscriptHead, TranscriptTurn } from './transcript.ts'

process.title = 'transcript'
// A signal to the whole group, like Ctrl-C, is the owner's to heed: it may want to finish what it makes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
// An owner that was killed leaves nobody to work for.
process.on('disconnect', () => process.exit())

const say = (message: FromWorker) => process.send!(message)

let head: TranscriptHead | undefined
const batches: { turns: TranscriptTurn[]; last: boolean }[] = []
let taken = 0
let wake: () => void = () => undefined
process.on('message', (message: FromOwner) => {
  if (message.type === 'head') head = message.head
  else if (message.type === 'turns') batches.push(message)
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
await until(() => head !== undefined)
for await (const bytes of transcriptDocument(head!, turns())) {
  await until(() => sent - taken <= ahead)
  say({ type: 'chunk', bytes })
  sent++
}
say({ type: 'end' })
