import { type ParleyError, parleyError } from './errors.ts'
import { readFrame, type ServerFrame } from './frames.ts'
import { backoffMs, type SocketLike, type Surroundings } from './surroundings.ts'
import { isRefusal, type Tokens } from './tokens.ts'

/** How a connection stands. `waiting`: it was lost, the next attempt is made in `retryInMs`. `closed`: for good. */
export type ConnectionState =
  | { status: 'connecting' }
  | { status: 'open' }
  | { status: 'waiting'; retryInMs: number }
  | { status: 'closed'; error: ParleyError }

/** One socket that is made anew whenever it is lost, until `close` or a refusal. */
export interface Line {
  /** Counts connections: 0 before the first. */
  readonly number: number
  readonly state: ConnectionState
  /** Only while open. */
  send(text: string): void
  /** The connection is of no use any more; on to the next one. */
  abandon(): void
  close(): void
}

export interface LineHandlers {
  /** The server has said who we are: frames may be sent. */
  opened(hello: Extract<ServerFrame, { type: 'connected' }>): void
  frame(frame: ServerFrame): void
  /** Comes before the state changes. `code` is the close code, 0 when nothing was heard any more. */
  lost(code: number): void
  changed(state: ConnectionState): void
}

/** From the first attempt to `connected`; a network that swallows packets would else be waited for for minutes. */
const openingMs = 15_000
const pingEveryMs = 30_000
const pongWithinMs = 10_000
/** A connection that held so long was a good one: what went wrong before it is forgotten. */
const stableMs = 10_000

export function openLine(
  path: string,
  { clock, random, network, WebSocket }: Surroundings,
  tokens: Tokens,
  on: LineHandlers,
): Line {
  let state: ConnectionState = { status: 'connecting' }
  let socket: SocketLike | undefined
  let number = 0
  /** Attempts so far; what an older one still has to say is not heard. */
  let attempt = 0
  let failures = 0
  /** The token that was refused, until a fresh one is there. */
  let refused: { token: string | undefined } | undefined
  let refreshed = false
  const timers = new Map<string, unknown>()

  function later(name: string, ms: number, run: () => void): void {
    stop(name)
    timers.set(name, clock.setTimeout(run, ms))
  }
  function stop(name: string): void {
    clock.clearTimeout(timers.get(name))
    timers.delete(name)
  }
  function become(next: ConnectionState): void {
    state = next
    on.changed(next)
  }

  async function dial(): Promise<void> {
    const own = ++attempt
    const isStale = () => own !== attempt
    later('opening', openingMs, abandon)
    become({ status: 'connecting' })
    let token: string | undefined
    try {
      token = await (refused ? tokens.fresh(refused.token) : tokens.current())
    } catch (thrown) {
      if (isStale()) return
      if (isRefusal(thrown)) return finish(thrown)
      return retry(0)
    }
    if (isStale()) return
    if (refused) refreshed = true
    refused = undefined
    let made: SocketLike
    try {
      made = new WebSocket(token === undefined ? path : `${path}?token=${encodeURIComponent(token)}`)
    } catch (thrown) {
      // Not for a while but for ever: a secure page may not open an insecure socket, or its policy names no such server.
      return finish(parleyError('connection_failed', 'A socket to this URL cannot be opened from here', thrown))
    }
    socket = made
    // What is wrong is told by the close that follows.
    made.onerror = () => undefined
    made.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (!isStale()) closed(code, reason, token)
    }
    made.onmessage = ({ data }: { data: unknown }) => {
      if (!isStale()) heard(data)
    }
  }

  function heard(data: unknown): void {
    stop('pong')
    const frame = readFrame(data)
    if (frame?.type === 'connected') {
      stop('opening')
      number++
      later('stable', stableMs, () => {
        failures = 0
        refreshed = false
      })
      keepAlive()
      become({ status: 'open' })
      on.opened(frame)
    } else if (frame && state.status === 'open') on.frame(frame)
  }

  function keepAlive(): void {
    later('ping', pingEveryMs, () => {
      ping()
      keepAlive()
    })
  }

  /** A connection whose other end is gone says nothing: only silence where an answer should be tells. */
  function ping(): void {
    socket?.send('{"type":"ping"}')
    later('pong', pongWithinMs, abandon)
  }

  function abandon(): void {
    const old = socket
    if (state.status === 'open' || state.status === 'connecting') retry(0)
    old?.close()
  }

  function closed(code: number, reason: string, token: string | undefined): void {
    if (code !== 1008 || reason === 'consumer-too-slow') retry(code)
    else if (refreshed) finish(parleyError('auth_error', reason || 'The server refuses the token'))
    else {
      refused = { token }
      lose(code)
      void dial()
    }
  }

  function retry(code: number): void {
    lose(code)
    const retryInMs = backoffMs(++failures, random)
    later('retry', retryInMs, () => void dial())
    become({ status: 'waiting', retryInMs })
  }

  function lose(code: number): void {
    attempt++
    socket = undefined
    for (const name of [...timers.keys()]) stop(name)
    on.lost(code)
  }

  function finish(error: ParleyError): void {
    if (state.status === 'closed') return
    const old = socket
    lose(0)
    network?.removeEventListener('online', online)
    become({ status: 'closed', error })
    old?.close(1000)
  }

  function online(): void {
    // The old connection may have died with the old network.
    if (state.status === 'open') ping()
    if (state.status !== 'waiting') return
    stop('retry')
    void dial()
  }
  network?.addEventListener('online', online)
  // Whoever opens a line listens to it first.
  queueMicrotask(() => {
    if (state.status !== 'closed') void dial()
  })

  return {
    get number() {
      return number
    },
    get state() {
      return state
    },
    send: (text) => socket?.send(text),
    abandon,
    close: () => finish(parleyError('closed', 'The session was closed')),
  }
}
