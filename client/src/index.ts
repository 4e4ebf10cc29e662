/**
 * The client of Parley: chats over a socket that may break at any time, and misses nothing. Knows the wire of the server
 * (docs/CONTRACTS.md, docs/TURNS.md there) and nothing of pages or frameworks.
 */
import type { CommandOutcome } from './frames.ts'
import { http } from './http.ts'
import type { Envelope } from './log-event.ts'
import type { SessionInfo, TurnInfo } from './resources.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { type Surroundings, surroundings } from './surroundings.ts'
import { type GetToken, tokens } from './tokens.ts'
import { type TurnEventsOptions, turnEvents } from './turn-events.ts'

export { type ErrorCode, type ErrorInfo, ParleyError } from './errors.ts'
export { fold, noTurn, type TextPart, type ToolCall, type TurnState } from './fold.ts'
export type { CommandOutcome, Outcome, Source, TurnEvent, Usage } from './frames.ts'
export type { ConnectionState } from './line.ts'
export type { Envelope, LogEvent } from './log-event.ts'
export type { Message, Part, SessionInfo, TurnInfo } from './resources.ts'
export type { Session, SessionOptions } from './session.ts'
export type { Clock, SocketConstructor, SocketLike } from './surroundings.ts'
export type { Turn, TurnResult } from './turn.ts'
export type { TurnEventsOptions } from './turn-events.ts'

export interface ConnectOptions extends Partial<Surroundings> {
  /** Where Parley is, with `http:` or `https:`; a path before its own is kept. */
  url: string
  /** An access token, an API key, or an app's access token. Without any the browser's cookie counts. */
  token?: string
  /**
   * Instead of `token`: asked once at first, and with `fresh: true` once whenever the server refuses what it gave. Throw
   * a ParleyError `auth_error` when there is no other; whatever else it throws is tried again later.
   */
  getToken?: GetToken
}

export interface Client {
  /** Opens a session: an id that the server gave, or any name of yours. */
  session(id: string, options?: SessionOptions): Session
  sessions: {
    list(filter?: {
      applicationId?: string
      status?: SessionInfo['status']
      limit?: number
      offset?: number
    }): Promise<SessionInfo[]>
    create(session: { applicationId: string; title?: string }): Promise<SessionInfo>
    get(id: string): Promise<SessionInfo>
    archive(id: string): Promise<SessionInfo>
  }
  /** Any turn that you may see, over HTTP. */
  turn(id: string): TurnAccess
}

/** Rejections are ParleyErrors. */
export interface TurnAccess {
  get(): Promise<TurnInfo>
  /** Its whole log, or what comes after a seq, to its end; broken connections are made anew. */
  events(options?: TurnEventsOptions): AsyncGenerator<Envelope, void, undefined>
  cancel(reason?: string): Promise<CommandOutcome>
  steer(text: string): Promise<CommandOutcome>
  toolResult(callId: string, result: unknown, options?: { isError?: boolean }): Promise<CommandOutcome>
}

/** Nothing is sent before something is asked for. Throws a TypeError when the URL is none. */
export function connect(options: ConnectOptions): Client {
  const base = new URL(options.url)
  const url = `${base.origin}${base.pathname.replace(/\/+$/, '')}`
  const around = surroundings(options)
  const credential = tokens(options)
  const api = http(url, around, credential)
  const sessions = '/api/v1/chat/sessions'

  return {
    session: (id, more = {}) =>
      openSession(id, more, {
        path: `${url.replace(/^http/, 'ws')}/ws/chat/${encodeURIComponent(id)}`,
        surroundings: around,
        tokens: credential,
        http: api,
      }),
    sessions: {
      list({ applicationId, ...more } = {}) {
        const query = new URLSearchParams()
        for (const [name, value] of Object.entries({ application_id: applicationId, ...more }))
          if (value !== undefined) query.set(name, String(value))
        return api.request('GET', `${sessions}?${query}`)
      },
      create: ({ applicationId, title }) => api.request('POST', sessions, { application_id: applicationId, title }),
      get: (id) => api.request('GET', `${sessions}/${encodeURIComponent(id)}`),
      archive: (id) => api.request('PUT', `${sessions}/${encodeURIComponent(id)}/archive`),
    },
    turn(id) {
      const path = `/api/v1/turns/${encodeURIComponent(id)}`
      const command = async (body: object) => {
        const { outcome } = await api.request<{ outcome: CommandOutcome }>('POST', `${path}/commands`, body)
        return outcome
      }
      return {
        get: () => api.request('GET', path),
        events: (more = {}) => turnEvents(id, more, { http: api, surroundings: around }),
        cancel: (reason) => command({ type: 'cancel', reason }),
        steer: (text) => command({ type: 'steer', text }),
        toolResult: (callId, result, { isError = false } = {}) =>
          command({ type: 'tool-result', call_id: callId, result: result ?? null, is_error: isError }),
      }
    },
  }
}
