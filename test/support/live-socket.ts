import WebSocket from 'ws'

export type LiveFrame = { type: string } & Record<string, unknown>

/** A client of any socket that speaks JSON text: keeps everything, also how it ended. */
export interface LiveSocket {
  /** What came, parsed; bare texts are in `texts` only. */
  frames: LiveFrame[]
  texts: string[]
  socket: WebSocket
  /** An object as JSON, a string as it is. */
  send(frame: object | string): void
  /** The first frame, come or to come, that `accept` takes. Rejects when the socket closes before it. */
  until(accept: (frame: LiveFrame) => boolean): Promise<LiveFrame>
  untilText(text: string): Promise<void>
  /** The first `count` frames of a type. */
  take(type: string, count: number): Promise<LiveFrame[]>
  closed: Promise<{ code: number; reason: string }>
  /** Closes and resolves when it is closed. */
  close(): Promise<void>
}

/** Resolves when the connection stands or was refused. */
export async function openLive(
  parley: { url: string },
  path: string,
  headers: Record<string, string> = {},
): Promise<LiveSocket> {
  const socket = new WebSocket(parley.url.replace('http', 'ws') + path, { headers })
  const frames: LiveFrame[] = []
  const texts: string[] = []
  const waiting = new Set<() => void>()
  let ending: { code: number; reason: string } | undefined
  const tell = () => {
    for (const check of [...waiting]) check()
  }
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      ending = { code, reason: reason.toString() }
      resolve(ending)
      tell()
    })
  })
  // A refused or broken connection is told by its close.
  socket.on('error', () => undefined)
  socket.on('message', (data) => {
    const text = data.toString()
    texts.push(text)
    if (text.startsWith('{')) frames.push(JSON.parse(text) as LiveFrame)
    tell()
  })
  await Promise.race([new Promise((resolve) => socket.once('open', resolve)), closed])

  function when<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look()
        if (found === undefined && !ending) return
        waiting.delete(check)
        if (found !== undefined) resolve(found)
        else reject(new Error(`closed with ${JSON.stringify(ending)} before it came: ${texts.slice(-5).join(' ')}`))
      }
      waiting.add(check)
      check()
    })
  }

  return {
    frames,
    texts,
    socket,
    closed,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    until: (accept) => when(() => frames.find(accept)),
    untilText: async (text) => void (await when(() => texts.find((one) => one === text))),
    take: (type, count) =>
      when(() => {
        const found = frames.filter((frame) => frame.type === type)
        return found.length >= count ? found.slice(0, count) : undefined
      }),
    async close() {
      socket.close()
      await closed
    },
  }
}
