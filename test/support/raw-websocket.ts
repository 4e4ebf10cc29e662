import { connect, type Socket } from 'node:net'
import { opcodes, type ServerFrame, serverFrames } from './raw-frames.ts'

/** The key of RFC 6455's own example, and what a server makes of it. */
export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ=='
export const sampleAccept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

export interface HandshakeParts {
  path: string
  method?: string
  version?: string
  /** On top of the usual ones, by lower-case name; undefined takes one out, an array repeats the line. */
  headers?: Record<string, string | string[] | undefined>
}

/** An opening handshake as bytes. */
export function handshake({ path, method = 'GET', version = '1.1', headers = {} }: HandshakeParts): Buffer {
  const all: Record<string, string | string[] | undefined> = {
    host: 'parley.test',
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': sampleKey,
    'sec-websocket-version': '13',
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, values]) =>
    values === undefined ? [] : [values].flat().map((value) => `${name}: ${value}`),
  )
  return Buffer.from(`${[`${method} ${path} HTTP/${version}`, ...lines].join('\r\n')}\r\n\r\n`, 'latin1')
}

export interface HttpAnswer {
  status: number
  /** By lower-case name. */
  headers: Record<string, string>
}

/** A TCP connection that a test leads byte by byte. Rejections name what the server did wrong. */
export interface RawWebSocket {
  socket: Socket
  /** Everything that came after the handshake, also close frames and pongs. */
  readonly frames: readonly ServerFrame[]
  /** Bytes that came and were no frames: the body of a refusal. */
  readonly body: string
  /** All in one write. */
  write(...bytes: Uint8Array[]): void
  /** The answer to the handshake. Rejects when the server ends before it. */
  answer: Promise<HttpAnswer>
  /** The first frame that was not given out before, or the first of these opcodes. Rejects when the server ends before it. */
  next(opcode?: number | readonly number[]): Promise<ServerFrame>
  /** The server's close frame; `code` is undefined when it gave none. */
  closing(): Promise<{ code: number | undefined; reason: string }>
  /** Resolves when the server has ended its side, or reset the connection. Rejects when it broke the RFC before. */
  ended: Promise<'end' | 'reset'>
  /** Resolves when nothing is left of the connection. */
  gone: Promise<void>
  destroy(): void
}

export interface DialOptions {
  /** Whether our side stays open when the server has ended its own. */
  allowHalfOpen?: boolean
}

/** Connects to a server's `http://` address; nothing is said yet. */
export function dial(url: string, options: DialOptions = {}): RawWebSocket {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), ...options })
  socket.setNoDelay(true)
  const frames: ServerFrame[] = []
  const waiting = new Set<() => void>()
  const answered = Promise.withResolvers<HttpAnswer>()
  const ended = Promise.withResolvers<'end' | 'reset'>()
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  // Who does not wait for the answer is told by what follows.
  answered.promise.catch(() => undefined)
  let head: Buffer = Buffer.alloc(0)
  let read: ((chunk: Uint8Array) => ServerFrame[]) | undefined
  let refused = false
  let body = ''
  let wrong: Error | undefined
  let over = false
  const given = new Set<ServerFrame>()
  const tell = () => {
    for (const look of [...waiting]) look()
  }

  function take(chunk: Buffer): void {
    if (read) return void frames.push(...read(chunk))
    if (refused) {
      body += chunk.toString()
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    const answer = readAnswer(head.subarray(0, end).toString('latin1'))
    const rest = head.subarray(end + 4)
    refused = answer.status !== 101
    if (!refused) read = serverFrames({ deflate: answer.headers['sec-websocket-extensions'] !== undefined })
    answered.resolve(answer)
    if (rest.length > 0) take(rest)
  }
  socket.on('data', (chunk) => {
    try {
      take(chunk)
    } catch (thrown) {
      wrong ??= thrown as Error
    }
    tell()
  })
  const finish = (how: 'end' | 'reset') => {
    over = true
    answered.reject(new Error(`the server hung up (${how}) before it answered the handshake`))
    ended.resolve(how)
    tell()
  }
  socket.on('error', () => finish('reset'))
  socket.on('end', () => finish('end'))
  socket.on('close', () => finish('end'))

  function next(wanted?: number | readonly number[]): Promise<ServerFrame> {
    const fits = (found: ServerFrame) =>
      !given.has(found) && (wanted === undefined || [wanted].flat().includes(found.opcode))
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = frames.find(fits)
        if (!found && !over && !wrong) return
        waiting.delete(look)
        if (wrong) return reject(wrong)
        if (!found) return reject(new Error(`the server hung up; it had sent ${frames.map(shown).join(' | ')}`))
        given.add(found)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  }

  return {
    socket,
    frames,
    get body() {
      return body
    },
    write: (...bytes) => void socket.write(Buffer.concat(bytes)),
    answer: answered.promise,
    next,
    async closing() {
      const { payload } = await next(opcodes.close)
      if (payload.length === 0) return { code: undefined, reason: '' }
      return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() }
    },
    ended: ended.promise.then((how) => {
      if (wrong) throw wrong
      return how
    }),
    gone,
    destroy: () => void socket.destroy(),
  }
}

function readAnswer(head: string): HttpAnswer {
  const [first = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1])
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { status, headers: Object.fromEntries(headers) }
}

const shown = ({ opcode, payload }: ServerFrame) => `${opcode}:${payload.toString('latin1').slice(0, 80)}`
