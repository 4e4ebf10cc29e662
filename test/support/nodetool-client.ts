import { decode, encode } from '@msgpack/msgpack'
import WebSocket from 'ws'

export type NodeToolFrame = Record<string, unknown>
export type Encoding = 'text' | 'binary'

export const encodings: readonly Encoding[] = ['text', 'binary']

/**
 * A client of /chat as NodeTool's own are: sends JSON or MessagePack, reads either by the kind of the frame, and makes of
 * chunks and messages what a person would see.
 */
export interface NodeToolClient {
  socket: WebSocket
  /** Everything that came. */
  frames: NodeToolFrame[]
  /** In which encoding each of them came. */
  encodings: Encoding[]
  send(frame: object, encoding?: Encoding): void
  /** The first frame, come or to come, that fits: every field given has this value. Rejects when the socket closes before it. */
  until(fields: NodeToolFrame | ((frame: NodeToolFrame) => boolean), from?: number): Promise<NodeToolFrame>
  /** Says something and waits for the answer: its closing chunk and the message after it. */
  ask(message: object): Promise<NodeToolFrame>
  /** Everything the server had to say to what was sent so far. */
  settled(): Promise<void>
  /** What the chunks come to, resets included; of a turn or of all. */
  text(turnId?: unknown): string
  types(): unknown[]
  /** Resolves with the close code and reason. */
  closed: Promise<{ code: number; reason: string }>
  close(): Promise<void>
}

export interface NodeToolOptions {
  encoding?: Encoding
  /** The path and query; default: /chat. */
  path?: string
  headers?: Record<string, string>
}

/** Resolves when the socket is open, or closed at once. */
export async function openNodeTool(
  parley: { url: string; key?: string },
  { encoding = 'text', path = '/chat', headers }: NodeToolOptions = {},
): Promise<NodeToolClient> {
  const given = headers ?? (parley.key === undefined ? {} : { authorization: `Bearer ${parley.key}` })
  const socket = new WebSocket(parley.url.replace('http', 'ws') + path, { headers: given })
  const frames: NodeToolFrame[] = []
  const kinds: Encoding[] = []
  const waiting = new Set<() => void>()
  let over: { code: number; reason: string } | undefined
  let pings = 0
  const tell = () => {
    for (const check of [...waiting]) check()
  }
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      over = { code, reason: reason.toString() }
      resolve(over)
      tell()
    })
  })
  // A refused or broken connection is told by its close.
  socket.on('error', () => undefined)
  socket.on('message', (data: Buffer, isBinary) => {
    frames.push((isBinary ? decode(data) : JSON.parse(data.toString())) as NodeToolFrame)
    kinds.push(isBinary ? 'binary' : 'text')
    tell()
  })

  const client: NodeToolClient = {
    socket,
    frames,
    encodings: kinds,
    closed,
    send: (frame, as = encoding) => socket.send(as === 'binary' ? encode(frame) : JSON.stringify(frame)),
    until(wanted, from = 0) {
      const fits =
        typeof wanted === 'function'
          ? wanted
          : (frame: NodeToolFrame) => Object.entries(wanted).every(([name, value]) => frame[name] === value)
      return new Promise((resolve, reject) => {
        const check = () => {
          const found = frames.find((frame, index) => index >= from && fits(frame))
          if (!found && !over) return
          waiting.delete(check)
          if (found) resolve(found)
          else reject(new Error(`the socket closed with ${over!.code} before it: ${JSON.stringify(frames.slice(-5))}`))
        }
        waiting.add(check)
        check()
      })
    },
    async ask(message) {
      const from = frames.length
      client.send({ role: 'user', ...message })
      const closing = await client.until({ type: 'chunk', done: true }, from)
      return client.until({ type: 'message', role: 'assistant', tool_calls: null }, frames.indexOf(closing))
    },
    async settled() {
      const before = frames.filter(({ type }) => type === 'pong').length
      client.send({ type: 'ping', n: ++pings })
      await client.until(() => frames.filter(({ type }) => type === 'pong').length > before)
    },
    text: (turnId) => textOfFrames(turnId === undefined ? frames : frames.filter((frame) => frame.turn_id === turnId)),
    types: () => frames.map(({ type }) => type),
    async close() {
      socket.close()
      await closed
    },
  }
  await Promise.race([new Promise((resolve) => socket.once('open', resolve)), closed])
  return client
}

/** What the chunks of a turn come to, resets included. */
export function textOfFrames(frames: readonly NodeToolFrame[]): string {
  const parts = new Map<unknown, string>()
  for (const { type, part, content, content_type, thinking } of frames) {
    if (thinking !== false || content_type !== 'text' || part === undefined) continue
    parts.set(part, (type === 'chunk' ? (parts.get(part) ?? '') : '') + content)
  }
  return [...parts.values()].join('')
}
