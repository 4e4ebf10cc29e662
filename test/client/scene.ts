import { afterAll, afterEach, beforeAll } from 'vitest'
import WebSocket from 'ws'
import { type StartOptions, startParley } from '#test/support/parley.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'
import {
  type Client,
  type ConnectionState,
  type ConnectOptions,
  connect,
  type Session,
  type SocketConstructor,
  type Turn,
  type TurnEvent,
} from '../../client/src/index.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import { type HandClock, handClock } from './hand-clock.ts'

/** Node's own WebSocket, and that of `ws`. */
export const webSockets: Record<string, SocketConstructor> = { "Node's WebSocket": globalThis.WebSocket, ws: WebSocket }

export interface Connected {
  client: Client
  clock: HandClock
  /** Tells of `online`. */
  network: EventTarget
  /** A session that is closed after the test. */
  session(id?: string, applicationId?: string): Session
}

/** A server behind a proxy, with an app, for the tests of the surrounding `describe`. Sessions are closed after each test. */
export function useScene(options: Omit<StartOptions, 'upstreamUrl'> & { overrides?: { now(): number } } = {}) {
  let upstream: Upstream
  let parley: Awaited<ReturnType<typeof startParley>>
  let proxy: FaultyProxy
  let appId = ''
  const sessions: Session[] = []

  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    parley = await startParley({ ...options, upstreamUrl: upstream.url })
    proxy = await startFaultyProxy(parley.url)
    appId = await firstApp(parley)
  })
  afterEach(() => {
    for (const session of sessions.splice(0)) session.close()
    proxy.mode = 'pass'
    proxy.heal()
  })
  afterAll(async () => {
    await proxy?.close()
    await parley?.close()
    await upstream?.close()
  })

  return {
    get upstream() {
      return upstream
    },
    get parley() {
      return parley
    },
    get proxy() {
      return proxy
    },
    get appId() {
      return appId
    },
    /**
     * A client of the server behind the proxy, by the owner. Its time stands still. All its connections are its own: one
     * that is used again may have been cut since.
     */
    connect(more: Partial<ConnectOptions> = {}): Connected {
      const clock = handClock()
      const network = new EventTarget()
      const credential = more.getToken ? {} : { token: parley.key }
      const client = connect({
        url: proxy.url,
        clock,
        network,
        random: () => 0,
        WebSocket,
        fetch: freshFetch,
        ...credential,
        ...more,
      })
      return {
        client,
        clock,
        network,
        session(id = crypto.randomUUID(), applicationId = appId) {
          const session = client.session(id, { applicationId })
          sessions.push(session)
          return session
        },
      }
    },
  }
}

export async function firstApp(parley: { url: string; headers: Record<string, string> }): Promise<string> {
  const response = await fetch(`${parley.url}/api/v1/applications`, { headers: parley.headers })
  const { data } = (await response.json()) as { data: { id: string }[] }
  return data[0]!.id
}

/** Each request has a connection of its own. */
const freshFetch: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers)
  headers.set('connection', 'close')
  return fetch(input, { ...init, headers })
}

export type Scene = ReturnType<typeof useScene>

/** Resolves when the connection stands so. */
export function untilState<S extends ConnectionState['status']>(
  session: Session,
  status: S,
): Promise<Extract<ConnectionState, { status: S }>> {
  return new Promise((resolve) => {
    const look = (state: ConnectionState) => {
      if (state.status !== status) return
      stop()
      resolve(state as Extract<ConnectionState, { status: S }>)
    }
    const stop = session.onState(look)
    look(session.state)
  })
}

/** The first event of a turn that `accept` takes, come or to come. */
export async function eventOf<T extends TurnEvent['type']>(
  turn: Turn,
  type: T,
  accept: (event: Extract<TurnEvent, { type: T }>) => boolean = () => true,
): Promise<Extract<TurnEvent, { type: T }>> {
  for await (const event of turn)
    if (event.type === type && accept(event as Extract<TurnEvent, { type: T }>)) return event as never
  throw new Error(`the turn ended as ${turn.state.status} without such an event`)
}

/** Resolves when the turn's text has come so far. */
export async function untilText(turn: Turn, text: string): Promise<void> {
  if (turn.text.includes(text)) return
  await new Promise<void>((resolve, reject) => {
    const stop = turn.onEvent(() => {
      if (!turn.text.includes(text)) return
      stop()
      resolve()
    })
    turn.done.then(({ outcome }) => reject(new Error(`the turn ended as ${outcome} with ${turn.text}`)), reject)
  })
}

/** The next turn that somebody else begins. */
export function nextTurn(session: Session): Promise<Turn> {
  return new Promise((resolve) => {
    const stop = session.onTurn((turn) => {
      stop()
      resolve(turn)
    })
  })
}

/** Goes on at once wherever the client would wait. Each session needs a clock of its own for that. */
export function impatient(session: Session, clock: HandClock): void {
  session.onState((state) => {
    if (state.status === 'waiting') queueMicrotask(() => clock.advance(state.retryInMs))
  })
}

export const nextTick = () => new Promise<void>((resolve) => setImmediate(resolve))

/**
 * Time goes on until `run` is done: over each short wait, over the pings by which a silent connection is found out, and
 * else five times as fast as it is. Where an answer takes longer than that, a healthy connection is given up, no more.
 */
export async function letTimePass<T>(
  { parley, proxy }: { parley: { url: string }; proxy: FaultyProxy },
  clocks: HandClock[],
  run: () => Promise<T>,
): Promise<T> {
  let isOver = false
  const done = run().finally(() => {
    isOver = true
  })
  // It is given back below, a tick later.
  done.catch(() => undefined)
  let stalls = 0
  let moved = performance.now()
  for (;;) {
    await nextTick()
    if (isOver) return done
    for (const clock of clocks) if ((clock.pending[0] ?? 9_000) < 9_000) clock.advance(clock.pending[0]!)
    if (performance.now() - moved > 200) {
      moved = performance.now()
      for (const clock of clocks) clock.advance(1_000)
    }
    if (proxy.stalls === stalls) continue
    stalls = proxy.stalls
    for (const clock of clocks) clock.advance(30_000)
    // By then the pongs of connections that are well have come.
    await (await fetch(`${parley.url}/health`)).text()
    for (const clock of clocks) clock.advance(10_000)
  }
}
