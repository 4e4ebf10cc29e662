import OpenAI, { type ClientOptions } from 'openai'
import { afterAll, beforeAll } from 'vitest'
import type { DatabaseKind } from './databases.ts'
import { startParley } from './parley.ts'
import { openSse, postSse, type SseClient } from './sse-client.ts'
import { startUpstream, type Upstream } from './upstream-simulator.ts'

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  body: any
}

/** An app as the application API shows it. */
export interface StoryApp {
  id: string
  access_token: string
}

/** A whole server with one simulated upstream, for the tests of the surrounding `describe`. */
export function useStory(kind: DatabaseKind, options: Omit<Parameters<typeof startParley>[0] & {}, 'kind'> = {}) {
  let made: { upstream: Upstream; parley: Awaited<ReturnType<typeof startParley>> } | undefined
  beforeAll(async () => {
    const upstream = await startUpstream()
    upstream.models = ['gpt-sim']
    made = { upstream, parley: await startParley({ kind, upstreamUrl: upstream.url, ...options }) }
  })
  afterAll(async () => {
    await made?.parley.close()
    await made?.upstream.close()
  })
  const get = () => {
    if (!made) throw new Error('the server is there only inside tests and hooks')
    return made
  }
  const withKey = (headers: Record<string, string>) => {
    const own = 'authorization' in headers || 'x-api-key' in headers || 'cookie' in headers || headers.anonymous
    const { anonymous: _, ...sent } = headers
    return {
      'content-type': 'application/json',
      ...(own ? {} : { authorization: get().parley.headers.authorization! }),
      ...sent,
    }
  }

  return {
    get upstream() {
      return get().upstream
    },
    get parley() {
      return get().parley
    },
    openai: (more: ClientOptions = {}) =>
      new OpenAI({ apiKey: get().parley.key, baseURL: `${get().parley.url}/v1`, maxRetries: 0, ...more }),
    /** A request by the owner, unless the headers carry another credential or `anonymous`. */
    async api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
      const response = await fetch(get().parley.url + path, {
        method,
        headers: withKey(headers),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
    },
    post: (path: string, body: object, headers: Record<string, string> = {}): Promise<SseClient> =>
      postSse(get().parley.url + path, withKey(headers), body),
    read: (path: string, headers: Record<string, string> = {}): Promise<SseClient> =>
      openSse(get().parley.url + path, { headers: withKey(headers) }),
    /** The app that the first start made. */
    async app(): Promise<StoryApp> {
      const { body } = await this.api('GET', '/api/v1/applications')
      return body.data[0]
    },
  }
}

export type Story = ReturnType<typeof useStory>
