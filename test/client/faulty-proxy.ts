import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that does to connections what networks do. */
export interface FaultyProxy {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Connections that are open now. */
  readonly open: number
  /** Connections ever made. */
  readonly made: number
  /** Connections that ever fell silent. */
  readonly stalls: number
  /** Where new connections lead; a server that is started again has another port. */
  target: string
  /** `refuse`: new connections are reset. `swallow`: they are taken, and nobody answers. */
  mode: 'pass' | 'refuse' | 'swallow'
  /** Resets every connection, at once or when it has handed on so many more bytes to the client. */
  drop(afterBytes?: number): void
  /** From now on (or after so many more bytes) the open connections carry nothing in either direction, and nobody is told. */
  stall(afterBytes?: number): void
  /** From now on nothing of the open connections goes to the client. */
  deafen(): void
  /** Nothing more happens to connections that are well; those that are not end. */
  heal(): void
  close(): Promise<void>
}

interface Pair {
  client: Socket
  server: Socket | undefined
  /** Bytes that may still go to the client before `fate`. */
  allowance: number
  fate: 'drop' | 'stall'
  stalled: boolean
  deaf: boolean
}

export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const pairs = new Set<Pair>()
  /** Also those that are left of silent pairs. */
  const behinds = new Set<Socket>()
  let made = 0
  let stalls = 0

  function end(pair: Pair): void {
    pair.client.resetAndDestroy()
    pair.server?.destroy()
    pairs.delete(pair)
  }

  function strike(pair: Pair): void {
    if (pair.fate === 'drop') end(pair)
    else {
      pair.stalled = true
      stalls++
    }
  }

  const server = createServer({ noDelay: true }, (client) => {
    made++
    client.on('error', () => undefined)
    if (proxy.mode === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const pair: Pair = {
      client,
      server: undefined,
      allowance: Number.POSITIVE_INFINITY,
      fate: 'drop',
      stalled: proxy.mode === 'swallow',
      deaf: false,
    }
    pairs.add(pair)
    client.on('close', () => {
      pairs.delete(pair)
      // Of a stalled connection the server hears nothing, not even its end.
      if (!pair.stalled) pair.server?.destroy()
    })
    if (pair.stalled) return
    const behind = connect({ port: Number(new URL(proxy.target).port), host: '127.0.0.1', noDelay: true })
    pair.server = behind
    behinds.add(behind)
    behind.on('error', () => undefined)
    behind.on('close', () => {
      behinds.delete(behind)
      if (!pair.stalled) client.destroy()
    })
    client.on('data', (bytes) => {
      if (!pair.stalled) behind.write(bytes)
    })
    behind.on('data', (bytes) => {
      if (pair.stalled || pair.deaf) return
      const passed = bytes.subarray(0, pair.allowance)
      pair.allowance -= passed.length
      if (pair.allowance > 0) client.write(passed)
      else client.write(passed, () => strike(pair))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const all = (fate: Pair['fate'], afterBytes: number) => {
    for (const pair of [...pairs]) {
      pair.fate = fate
      pair.allowance = afterBytes
      if (afterBytes === 0) strike(pair)
    }
  }

  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get open() {
      return pairs.size
    },
    get made() {
      return made
    },
    get stalls() {
      return stalls
    },
    target,
    mode: 'pass',
    drop: (afterBytes = 0) => all('drop', afterBytes),
    stall: (afterBytes = 0) => all('stall', afterBytes),
    deafen() {
      for (const pair of pairs) pair.deaf = true
    },
    heal() {
      for (const pair of [...pairs]) {
        pair.allowance = Number.POSITIVE_INFINITY
        if (pair.stalled) end(pair)
      }
    },
    async close() {
      for (const pair of [...pairs]) end(pair)
      for (const behind of behinds) behind.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
