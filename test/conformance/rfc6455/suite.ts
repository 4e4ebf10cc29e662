import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { Overrides } from '#app.ts'
import { startParley } from '#test/support/parley.ts'
import { close, opcodes, type ServerFrame, text } from '#test/support/raw-frames.ts'
import {
  type DialOptions,
  dial,
  type HandshakeParts,
  handshake,
  type RawWebSocket,
} from '#test/support/raw-websocket.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'
import { type Door, doors } from './doors.ts'

export type Parley = Awaited<ReturnType<typeof startParley>>

/** One door of a running server, as the cases of this suite use it. */
export interface Suite {
  readonly parley: Parley
  /** The path of a fresh conversation. */
  path(): string
  /** A handshake of this door, with its credentials. */
  handshake(more?: Partial<HandshakeParts>): Buffer
  /** A connection on which nothing was said yet. */
  dial(options?: DialOptions): RawWebSocket
  /** A connection that stands; what the door says unasked has been read. */
  open(more?: Partial<HandshakeParts>, options?: DialOptions): Promise<RawWebSocket>
  /** A message this door answers with exactly one data frame. */
  question: string
  /** Reads the answer to `question`. */
  answered(client: RawWebSocket): Promise<void>
  /** Asks and is answered: the connection works. */
  works(client: RawWebSocket): Promise<void>
  /** The server failed this connection with this code, ended it without a reset, and serves the next one. */
  failed(client: RawWebSocket, ...codes: number[]): Promise<void>
  /** Closes as the RFC wants it, and is answered so. */
  leave(client: RawWebSocket): Promise<void>
  /** A new connection is served. */
  stillServes(): Promise<void>
  door: Door
}

export const dataOpcodes = [opcodes.text, opcodes.binary]

/** The surrounding file's cases, once for every door. They run on SQLite alone: no database has a part in frames. */
export function forEveryDoor(
  cases: (suite: Suite) => void,
  options: { overrides?: Overrides; env?: Record<string, string> } = {},
): void {
  let made: { parley: Parley; upstream: Upstream } | undefined
  const dialled: RawWebSocket[] = []
  beforeAll(async () => {
    const upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    made = { upstream, parley: await startParley({ upstreamUrl: upstream.url, ...options }) }
  })
  afterAll(async () => {
    await made?.parley.close()
    await made?.upstream.close()
  })
  // What a failed case left open is not to hold up the end of the server.
  afterEach(() => {
    for (const client of dialled.splice(0)) client.destroy()
  })
  const running = () => {
    if (!made) throw new Error('the server is there only inside tests and hooks')
    return made.parley
  }
  for (const door of doors) describe(door.name, () => cases(suiteOf(door, dialled, running)))
}

function suiteOf(door: Door, dialled: RawWebSocket[], running: () => Parley): Suite {
  const suite: Suite = {
    door,
    get parley() {
      return running()
    },
    path: door.path,
    handshake: (more) =>
      handshake({ path: door.path(), ...more, headers: { ...door.headers(running()), ...more?.headers } }),
    dial(options) {
      const client = dial(running().url, options)
      dialled.push(client)
      return client
    },
    async open(more, options) {
      const client = suite.dial(options)
      client.write(suite.handshake(more))
      const { status } = await client.answer
      expect(status).toBe(101)
      for (const type of door.hello) expect(door.typeOf(await client.next(dataOpcodes))).toBe(type)
      return client
    },
    question: door.question,
    async answered(client) {
      expect(door.typeOf(await client.next(dataOpcodes))).toBe(door.answer)
    },
    async works(client) {
      client.write(text(door.question))
      await suite.answered(client)
    },
    async failed(client, ...codes) {
      const { code } = await client.closing()
      expect(codes).toContain(code)
      expect(await client.ended).toBe('end')
      await suite.stillServes()
    },
    async leave(client) {
      client.write(close(1000))
      expect(await client.closing()).toEqual({ code: 1000, reason: '' })
      expect(await client.ended).toBe('end')
    },
    async stillServes() {
      const client = await suite.open()
      await suite.works(client)
      await suite.leave(client)
    },
  }
  return suite
}

/** Payloads of the frames with this opcode, in order. */
export const payloadsOf = (frames: readonly ServerFrame[], opcode: number): string[] =>
  frames.filter((frame) => frame.opcode === opcode).map(({ payload }) => payload.toString('latin1'))
