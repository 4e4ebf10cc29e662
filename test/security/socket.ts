import WebSocket from 'ws'

export type Frame = { type: string } & Record<string, unknown>

/** A raw client: sends anything, keeps everything, also how it ended. */
export interface RawSocket {
  readonly frames: readonly Frame[]
  /** Set when it is closed. */
  readonly ending: { code: number; reason: string } | undefined
  socket: WebSocket
  /** An object as JSON, a string or bytes as they are. */
  send(frame: object | string | Uint8Array): void
  /** The next frame this was not asked for before that fits; rejects when the socket closes first. */
  next(type: string): Promise<Frame>
  /** Everything the server had to say to what was sent so far: a ping of the protocol's own comes back after it. */
  settled(): Promise<void>
  closed: Promise<{ code: number; reason: string }>
  close(): void
}

/** Resolves when the connection stands or was refused, without waiting for a word of the server. */
export async function openSocket(url: string, headers: Record<string, string>): Promise<RawSocket> {
  const socket = new WebSocket(url, { headers })
  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  let seen = 0
  let ending: RawSocket['ending']
  const tell = () => {
    for (const check of [...waiting]) check()
  }
  socket.on('error', () => undefined)
  socket.on('message', (data) => {
    frames.push(JSON.parse(data.toString()) as Frame)
    tell()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      ending = { code, reason: reason.toString() }
      resolve(ending)
      tell()
    })
  })
  await Promise.race([new Promise((resolve) => socket.once('open', resolve)), closed])

  const client: RawSocket = {
    frames,
    get ending() {
      return ending
    },
    socket,
    closed,
    send: (frame) =>
      socket.send(typeof frame === 'string' || frame instanceof Uint8Array ? frame : JSON.stringify(frame)),
    next: (type) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const index = frames.findIndex((frame, at) => at >= seen && frame.type === type)
          if (index < 0 && !ending) return
          waiting.delete(check)
          if (index < 0)
            return reject(new Error(`closed ${JSON.stringify(ending)} before ${type}; had ${frames.length}`))
          seen = index + 1
          resolve(frames[index]!)
        }
        waiting.add(check)
        check()
      }),
    async settled() {
      socket.send('{"type":"ping"}')
      await client.next('pong')
    },
    close: () => socket.close(),
  }
  return client
}
