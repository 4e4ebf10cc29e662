import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/**
 * The origin of a port on which connecting is refused. It is the near end of a connection that stays open: nobody
 * listens there, and no listener that asks for any free port is given it while a test runs beside others.
 */
export async function closedPort(): Promise<string> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  await once(holder, 'connect')
  const [other] = await accepted
  for (const end of [holder, other]) end.unref().on('error', () => {})
  return `http://127.0.0.1:${holder.localPort}`
}

/** Listens with the smallest backlog and never accepts, because its thread is blocked at once. */
const deafListener = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
  })`

/** An origin whose backlog is full: the kernel drops further SYNs, so connecting neither succeeds nor fails. */
export async function startBlackhole(): Promise<{ origin: string; close(): Promise<void> }> {
  const worker = new Worker(deafListener, { eval: true })
  const [port] = (await once(worker, 'message')) as [number]
  const fillers: Socket[] = []
  for (let index = 0; index < 8; index++) {
    const filler = connect(port, '127.0.0.1')
    filler.on('error', () => {})
    fillers.push(filler)
  }
  // The first to get in shows that the listener is there; those behind it keep its backlog full.
  await once(fillers[0]!, 'connect')
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}
