import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import { chatRequest, openConnection } from './load-connection.ts'
import type { OpenJob, OpenResult, Target } from './load-jobs.ts'

const SETTLE_LIMIT_MS = 60_000
/** How many connections are being opened at a time, so that the listen backlog is not what is measured. */
const OPENING = 50

const closers: (() => void)[] = []

/** Closes all that `openMany` left open. */
export function releaseAll(): void {
  for (const close of closers.splice(0)) close()
}

/** Opens `count` hold streams or idle WebSockets and answers when each has been served, or at the time limit. */
export async function openMany(job: OpenJob): Promise<OpenResult> {
  const result: OpenResult = { open: 0, errors: 0 }
  const deadline = performance.now() + SETTLE_LIMIT_MS
  const request = chatRequest(job.target, 'hold', true, 256)
  const openOne = () => (job.kind === 'hold' ? openHold(job.target, request) : openSocket(job.target, job.token))

  for (let started = 0; started < job.count && result.errors === 0; started += OPENING) {
    const batch = Array.from({ length: Math.min(OPENING, job.count - started) }, openOne)
    const failures = await Promise.all(batch.map((opened) => withLimit(opened, deadline)))
    for (const failure of failures) {
      if (failure === undefined) result.open += 1
      else result.errors += 1
      result.firstError ??= failure
    }
  }
  return result
}

/** Resolves with nothing at the first token, or with the reason of the failure. */
function openHold(target: Target, request: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = openConnection(target, {
      body: () => resolve(undefined),
      end: () => resolve('the stream ended'),
      failed: resolve,
    })
    closers.push(connection.close)
    connection.send(request)
  })
}

/** Resolves with nothing at the first message, which greets, or with the reason of the failure. */
function openSocket(target: Target, token: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const url = `ws://127.0.0.1:${target.port}/ws/chat/${randomUUID()}?token=${encodeURIComponent(token)}`
    const socket = new WebSocket(url, { perMessageDeflate: false })
    socket.once('message', () => resolve(undefined))
    socket.once('error', (error) => resolve(error.message))
    socket.once('close', (code, reason) => resolve(`closed ${code} ${reason}`))
    closers.push(() => socket.terminate())
  })
}

function withLimit(opened: Promise<string | undefined>, deadline: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timeout = setTimeout(resolve, Math.max(0, deadline - performance.now()), 'not open at the time limit')
    opened.then((failure) => {
      clearTimeout(timeout)
      resolve(failure)
    })
  })
}
