/**
 * What a transcript costs: `node bench/pdf.ts [turns]`. A process that does nothing else makes one of 10,000 turns and
 * tells seconds, the most memory of it and of the process that lays out, and how long its event loop was ever kept waiting.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { transcripts } from '#features/transcripts/index.ts'
import { transcriptTurns } from './transcript-turns.ts'

const count = Number(process.argv[2] ?? 10_000)
const head = { title: 'Benchmark', userName: 'Minji Kim', botName: 'Assistant', timeZone: 'Asia/Seoul' }

let characters = 0
async function* source() {
  for (const turn of transcriptTurns(count)) {
    characters += turn.userText.length + turn.answerText.length
    yield turn
  }
}

const before = peakMb('self')
let layingOut = 0
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
const cpuBefore = process.cpuUsage()
const started = performance.now()
const { renderTranscript } = transcripts()
let bytes = 0
let first = 0
let pages = 0
for await (const chunk of renderTranscript({ ...head, createdAt: 0 }, source())) {
  first ||= performance.now() - started
  bytes += chunk.length
  layingOut = Math.max(layingOut, ...childPids().map(peakMb))
  const count = /\/Type\/Pages\/Count (\d+)\/Kids\[[^\]]*\]\/MediaBox/.exec(Buffer.from(chunk).toString('latin1'))?.[1]
  if (count !== undefined) pages = Number(count)
}
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
delay.disable()
const rows = [
  ['turns', count],
  ['characters', characters],
  ['pages', pages],
  ['file, MB', (bytes / 1e6).toFixed(1)],
  ['seconds', seconds.toFixed(1)],
  ['seconds of CPU, this process', ((user + system) / 1e6).toFixed(1)],
  ['seconds to the first bytes', (first / 1000).toFixed(2)],
  ['most memory of the one that lays out, MB', layingOut],
  ['most memory of this process, MB', peakMb('self')],
  ['of that before it began, MB', before],
  ['longest wait of the event loop, ms', Math.round(delay.max / 1e6)],
]
for (const [name, value] of rows) console.log(`${String(name).padEnd(42)}${value}`)

function childPids(): string[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
}

/** The most that a process ever had in memory. */
function peakMb(pid: string): number {
  const kb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kb) / 1024)
}
