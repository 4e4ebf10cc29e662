import WebSocket from 'ws'
import type { ParleyProcess } from './parley.ts'
import { until } from './until.ts'

/** Makes a spawned server listen to `openInspector`, when given to it as a variable. */
export const inspectable = { NODE_OPTIONS: '--inspect=127.0.0.1:0' }

/** The inside of a server of its own process, as Node's own inspector shows it: nothing in the product is made for tests. */
export interface Inspector {
  /** Drops all that is garbage. */
  collectGarbage(): Promise<void>
  close(): void
}

export async function openInspector(parley: ParleyProcess): Promise<Inspector> {
  const url = await until(() => /Debugger listening on (ws:\S+)/.exec(parley.output())?.[1])
  const socket = new WebSocket(url)
  const waiting = new Map<number, { resolve(): void; reject(reason: Error): void }>()
  socket.on('message', (data) => {
    const { id, error } = JSON.parse(data.toString()) as { id: number; error?: { message: string } }
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error) asked?.reject(new Error(error.message))
    else asked?.resolve()
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  let ids = 0
  const call = (method: string) =>
    new Promise<void>((resolve, reject) => {
      const id = ++ids
      waiting.set(id, { resolve, reject })
      socket.send(JSON.stringify({ id, method }))
    })
  return { collectGarbage: () => call('HeapProfiler.collectGarbage'), close: () => socket.close() }
}
