import WebSocket from 'ws'

export type Frame = { type: string } & Record<string, unknown>

/** A client of /ws/chat that a test leads frame by frame. */
export interface ChatClient {
  socket: WebSocket
  /** Everything that came. */
  frames: Frame[]
  send(frame: object): void
  /** The first frame, come or to come, that `accept` takes. Rejects when the socket closes before it. */
  until(accept: (frame: Frame) => boolean): Promise<Frame>
  /** Resolves with the close code. */
  closed: Promise<number>
  close(): void
}

/** Resolves when the server has said `connected`. */
export async function openChat(parley: { url: string; key: string }, session: string): Promise<ChatClient> {
  const socket = new WebSocket(`${parley.url.replace('http', 'ws')}/ws/chat/${session}`, {
    headers: { authorization: `Bearer ${parley.key}` },
  })
  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  let over: number | undefined
  const tell = () => {
    for (const check of waiting) check()
  }
  const closed = new Promise<number>((resolve) => {
    socket.once('close', (code) => {
      over = code
      resolve(code)
      tell()
    })
  })
  // A refused or broken connection is told by its close.
  socket.on('error', () => undefined)
  socket.on('message', (data) => {
    frames.push(JSON.parse(data.toString()) as Frame)
    tell()
  })

  function until(accept: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = frames.find(accept)
        if (!found && over === undefined) return
        waiting.delete(check)
        if (found) resolve(found)
        else reject(new Error(`the socket closed with ${over} before the frame: ${JSON.stringify(frames.slice(-5))}`))
      }
      waiting.add(check)
      check()
    })
  }

  await until(({ type }) => type === 'connected')
  return {
    socket,
    frames,
    until,
    closed,
    send: (frame) => socket.send(JSON.stringify(frame)),
    close: () => socket.close(),
  }
}
