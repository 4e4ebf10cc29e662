/**
 * An OpenAI-compatible upstream that costs next to nothing: raw sockets, answers serialized at start, one timer for
 * every paced stream. Run as a child process, it tells its parent the port; run by hand, it listens on PORT.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { stamp } from './clock.ts'
import { createHttpReader } from './http-reader.ts'
import {
  completion,
  jsonAnswer,
  type Model,
  modelList,
  models,
  PACED_DELTAS,
  stampedDelta,
  streamAnswer,
  streamHead,
} from './mock-answers.ts'
import { createTimerWheel } from './timer-wheel.ts'

const PACE_MS = 20

const isTrue = /^\s*:\s*true/

const list = modelList()
const ready = jsonAnswer({ status: 'ready' })
const notFound = jsonAnswer(
  { error: { message: 'No such route or model', type: 'invalid_request_error' } },
  '404 Not Found',
)
const completions = Object.fromEntries(models.map((model) => [model, completion(model)])) as Record<Model, Buffer>
const instant = streamAnswer('instant', 4)
const instantHead = Buffer.concat([streamHead, instant.first, ...instant.deltas])
const instantAnswer = {
  plain: Buffer.concat([instantHead, instant.tail]),
  withUsage: Buffer.concat([instantHead, instant.tailWithUsage]),
}
const paced = streamAnswer('paced', PACED_DELTAS)
const pacedEnd = {
  plain: Buffer.concat([paced.deltas[PACED_DELTAS - 1]!, paced.tail]),
  withUsage: Buffer.concat([paced.deltas[PACED_DELTAS - 1]!, paced.tailWithUsage]),
}
const clocked = stampedDelta('clocked', stamp)
const holdHead = Buffer.concat([streamHead, streamAnswer('hold', 0).first])

const wheel = createTimerWheel(PACE_MS)
const served = { requests: 0, streams: 0, open: 0 }

function startPaced(socket: Socket, wantsUsage: boolean): void {
  let sent = -1
  socket.write(streamHead)
  wheel.every(() => {
    if (socket.destroyed) return false
    if (sent < 0) socket.write(paced.first)
    else if (sent < PACED_DELTAS - 1) socket.write(paced.deltas[sent]!)
    else socket.write(wantsUsage ? pacedEnd.withUsage : pacedEnd.plain)
    sent += 1
    return sent < PACED_DELTAS
  })
}

function startClocked(socket: Socket, wantsUsage: boolean): void {
  let sent = -1
  socket.write(streamHead)
  wheel.every(() => {
    if (socket.destroyed) return false
    if (sent < 0) socket.write(paced.first)
    else if (sent < PACED_DELTAS - 1) socket.write(clocked(), 'latin1')
    else socket.write(wantsUsage ? pacedEnd.withUsage : pacedEnd.plain)
    sent += 1
    return sent < PACED_DELTAS
  })
}

/** The text right after a key, wherever it stands: a search of bytes, because parsing 150 KB would cost more than the answer. */
function after(body: Buffer, key: string): string {
  const at = body.indexOf(key, 0, 'latin1')
  return at < 0 ? '' : body.toString('latin1', at + key.length, at + key.length + 40)
}

function answerChat(socket: Socket, body: Buffer): void {
  const model = /^\s*:\s*"([^"]*)"/.exec(after(body, '"model"'))?.[1] as Model
  if (!models.includes(model)) {
    socket.write(notFound)
    return
  }
  served.requests += 1
  if (!isTrue.test(after(body, '"stream"'))) {
    socket.write(completions[model])
    return
  }
  served.streams += 1
  const wantsUsage = isTrue.test(after(body, '"include_usage"'))
  if (model === 'paced') startPaced(socket, wantsUsage)
  else if (model === 'clocked') startClocked(socket, wantsUsage)
  else if (model === 'hold') socket.write(holdHead)
  else socket.write(wantsUsage ? instantAnswer.withUsage : instantAnswer.plain)
}

function answer(socket: Socket, head: string, body: Buffer): void {
  if (head.startsWith('POST /v1/chat/completions')) answerChat(socket, body)
  else if (head.startsWith('GET /v1/models')) socket.write(list)
  else if (head.startsWith('GET /health')) socket.write(ready)
  else if (head.startsWith('GET /stats')) socket.write(jsonAnswer(served))
  else socket.write(notFound)
}

function serve(socket: Socket): void {
  let head = ''
  let parts: Buffer[] = []
  served.open += 1
  socket.setNoDelay(true)
  socket.on('close', () => {
    served.open -= 1
  })
  socket.on('error', () => socket.destroy())
  const read = createHttpReader({
    head: (text) => {
      head = text
      parts = []
    },
    body: (bytes) => {
      parts.push(bytes)
    },
    end: () => answer(socket, head, parts.length === 1 ? parts[0]! : Buffer.concat(parts)),
  })
  socket.on('data', read)
}

const server = createServer(serve)
server.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1', backlog: 4096 }, () => {
  const { port } = server.address() as AddressInfo
  if (process.send) process.send({ port })
  else console.error(`mock upstream on http://127.0.0.1:${port}/v1`)
})
process.on('disconnect', () => process.exit())
