import { EventEmitter, once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { responseSink } from './response-sink.ts'

let server: Server | undefined
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function listen(handler: (response: ServerResponse) => void): Promise<number> {
  server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    handler(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function read(port: number, agent?: Agent): Promise<string> {
  const [message] = (await once(get({ port, host: '127.0.0.1', ...(agent && { agent }) }), 'response')) as [
    IncomingMessage,
  ]
  let text = ''
  message.setEncoding('utf8')
  for await (const piece of message) text += piece
  return text
}

const texts = ['data: one\n\n', 'data: 한국어 🙂\n\n', `data: ${'x'.repeat(100_000)}\n\n`, 'data: \ud83d half\n\n']

describe('a response as a sink', () => {
  it('delivers every text whole, in any script, and ends, to one connection after the other', async () => {
    const port = await listen((response) => {
      const sink = responseSink(response)
      for (const text of texts) sink.write(text)
      sink.finish()
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let request = 0; request < 3; request++) expect(await read(port, agent)).toBe(texts.join('').toWellFormed())
    agent.destroy()
  })

  it('ends without a word, too', async () => {
    const port = await listen((response) => responseSink(response).finish())
    expect(await read(port)).toBe('')
  })

  it('sends no chunk frames to a client that does not know them', async () => {
    const port = await listen((response) => {
      const sink = responseSink(response)
      sink.write('data: one\n\n')
      sink.finish()
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.0\r\n\r\n')
    let answer = ''
    for await (const piece of socket) answer += piece.toString()
    expect(answer.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe('data: one\n\n')
  })

  it('has drained when there is room again, and when the client is gone', async () => {
    for (const event of ['drain', 'close']) {
      const response = Object.assign(new EventEmitter(), { flushHeaders() {} }) as unknown as ServerResponse
      const drained = responseSink(response).drained()
      response.emit(event)
      await drained
      expect(response.listenerCount('drain') + response.listenerCount('close')).toBe(0)
    }
    const gone = Object.assign(new EventEmitter(), { flushHeaders() {}, destroyed: true }) as unknown as ServerResponse
    await responseSink(gone).drained()
  })
})
