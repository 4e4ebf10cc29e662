import { sql } from 'kysely'
import type { Overrides } from '#app.ts'
import type { DatabaseKind } from '#test/support/databases.ts'
import { type StartOptions, startParley } from '#test/support/parley.ts'
import { until } from '#test/support/until.ts'
import { type HeldReply, startUpstream } from '#test/support/upstream-simulator.ts'
import { openSocket } from './socket.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'HEAD'

export interface Asked {
  status: number
  text: string
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any
}

/** A person with an account and a workspace of their own. */
export interface Person {
  email: string
  password: string
  user: string
  workspace: string
  jwt: string
  refreshToken: string
  cookie: string
  csrf: string
  key: string
}

/** Things of one workspace that nobody else may reach. */
export interface Belongings {
  user: string
  workspace: string
  app: string
  slug: string
  appToken: string
  /** A conversation in which something was said. */
  session: string
  /** What the owner calls another one, on /v1. */
  sessionName: string
  /** A finished turn of it. */
  turn: string
  /** A turn that is being answered as long as the world stands. */
  running: string
  key: string
  notification: string
  execution: string
  webhook: string
  /** Of an event to it. */
  delivery: string
  hold: string
  erasure: string
  /** A rule of the workspace, which has found something. */
  guardrail: string
  /** What she thinks of the finished turn. */
  feedback: string
  idempotencyKey: string
  /** Words that stand in these things and nowhere else. */
  words: string[]
}

export type World = Awaited<ReturnType<typeof makeWorld>>

/** A whole server, an upstream, and the means to ask as anybody. */
export async function makeWorld(
  kind: DatabaseKind,
  options: Omit<StartOptions, 'kind' | 'upstreamUrl'> = {},
  overrides: Overrides = {},
) {
  const upstream = await startUpstream()
  upstream.models = ['gpt-sim']
  const routes = new Set<string>()
  const parley = await startParley({
    kind,
    upstreamUrl: upstream.url,
    ...options,
    // Webhooks of this world lead nowhere, but they may.
    env: { PARLEY_OUTBOUND_ALLOW: '127.0.0.1', ...options.env },
    overrides: {
      ...overrides,
      onRoute(route) {
        for (const method of [route.method].flat()) if (method !== 'HEAD') routes.add(`${method} ${route.url}`)
      },
    },
  })
  let people = 0

  async function ask(
    method: Method,
    url: string,
    given: { headers?: Record<string, string>; body?: unknown; raw?: string | Uint8Array<ArrayBuffer> } = {},
  ): Promise<Asked> {
    const body = given.raw ?? (given.body === undefined ? undefined : JSON.stringify(given.body))
    const response = await fetch(parley.url + url, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...given.headers },
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    return { status: response.status, text, headers: response.headers, json: parsed(text) }
  }

  async function must(...args: Parameters<typeof ask>): Promise<Asked> {
    const answer = await ask(...args)
    if (answer.status >= 300) throw new Error(`${args[0]} ${args[1]}: ${answer.status} ${answer.text}`)
    return answer
  }

  async function person(name: string): Promise<Person> {
    const email = `${name}-${++people}@example.test`
    const password = `${name} has a long password`
    const registered = await must('POST', '/api/v1/auth/register', { body: { email, password, full_name: name } })
    const { access_token: jwt, refresh_token: refreshToken } = registered.json.data
    const cookies = Object.fromEntries(
      registered.headers.getSetCookie().map((one) => one.split(';')[0]!.split('=', 2) as [string, string]),
    )
    const me = await must('GET', '/api/v1/auth/me', { headers: bearer(jwt) })
    const key = await must('POST', '/api/v1/api-keys', { headers: bearer(jwt), body: { name: `${name}'s key` } })
    return {
      email,
      password,
      user: me.json.data.id,
      workspace: me.json.data.workspace_id,
      jwt,
      refreshToken,
      cookie: `parley_session=${cookies.parley_session}`,
      csrf: cookies.parley_csrf!,
      key: key.json.key,
    }
  }

  async function belongings(owner: Person, word: string): Promise<Belongings & { held: HeldReply }> {
    const headers = bearer(owner.jwt)
    const slug = `app-of-${word}`
    const made = await must('POST', '/api/v1/applications', {
      headers,
      body: { name: `App of ${word}`, slug, model: 'gpt-sim', system_prompt: `Prompt of ${word}` },
    })
    const { id: app, access_token: appToken } = made.json.data
    const guarded = await must('POST', `/api/v1/workspaces/${owner.workspace}/guardrails`, {
      headers,
      body: {
        name: `Rule of ${word}`,
        kind: 'words',
        where: 'both',
        action: 'flag',
        config: { words: [`Saying of ${word}`], match: 'part' },
      },
    })
    const title = `Title of ${word}`
    const opened = await must('POST', '/api/v1/chat/sessions', { headers, body: { application_id: app, title } })
    const session: string = opened.json.data.id
    const idempotencyKey = 'the-same-key-for-all'
    const said = await must('POST', '/api/v1/chat/completions', {
      headers: { ...headers, 'idempotency-key': idempotencyKey },
      body: { session_id: session, message: `Saying of ${word}` },
    })
    const thought = await must('POST', `/api/v1/turns/${said.headers.get('x-turn-id')}/feedback`, {
      headers,
      body: { is_positive: true, details: `Details of ${word}` },
    })
    const sessionName = `session of ${word}`
    await must('POST', '/v1/chat/completions', {
      headers: { ...headers, 'x-session-id': sessionName },
      body: { model: 'gpt-sim', messages: [{ role: 'user', content: `Remark of ${word}` }] },
    })
    const held = upstream.hold()
    held.send('The answer begins')
    // With a session its row is there before the model is asked.
    const running = await fetch(`${parley.url}/api/v1/chat/${app}/chat/completions`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'x-session-id': 'being answered' },
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: `Question of ${word}` }] }),
    })
    const keys = await must('GET', `/api/v1/api-keys?workspace_id=${owner.workspace}`, { headers })
    const { notification, execution } = await told(owner, word)
    const { hold, erasure } = await kept(owner, word)
    const { webhook, delivery } = await posted(owner, word)
    return {
      user: owner.user,
      workspace: owner.workspace,
      app,
      slug,
      appToken,
      session,
      sessionName,
      turn: said.headers.get('x-turn-id')!,
      running: running.headers.get('x-turn-id')!,
      key: keys.json[0].id,
      notification,
      execution,
      webhook,
      delivery,
      hold,
      erasure,
      guardrail: guarded.json.data.id,
      feedback: thought.json.data.id,
      idempotencyKey,
      words: [`of ${word}`, owner.email],
      held,
    }
  }

  /** A hold on the owner's workspace, and an erasure of somebody who was in it. */
  async function kept(owner: Person, word: string): Promise<{ hold: string; erasure: string }> {
    const headers = bearer(owner.jwt)
    const url = `/api/v1/workspaces/${owner.workspace}`
    const helper = await person('helper')
    await must('POST', `${url}/members`, { headers, body: { user_id: helper.user } })
    const erased = await must('POST', `${url}/members/${helper.user}/erasure`, { headers })
    await must('DELETE', `${url}/members/${helper.user}`, { headers })
    const hold = await must('POST', `${url}/holds`, { headers, body: { reason: `Reason of ${word}` } })
    return { hold: hold.json.data.id, erasure: erased.json.data.id }
  }

  /** A webhook to where nobody listens, and an event that is to be sent to it. */
  async function posted(owner: Person, word: string): Promise<{ webhook: string; delivery: string }> {
    const headers = bearer(owner.jwt)
    const made = await must('POST', '/v1/webhooks', {
      headers,
      body: { url: 'http://127.0.0.1:9/', events: ['conversation.created'], description: `Hook of ${word}` },
    })
    await must('POST', '/v1/conversations', { headers, body: {} })
    const delivery = await until(async () => {
      const listed = await must('GET', `/v1/webhooks/${made.json.id}/deliveries`, { headers })
      return listed.json.data[0]?.id as string | undefined
    })
    return { webhook: made.json.id, delivery }
  }

  /** A notification of the owner's, and a run of a plugin, as what makes them would. */
  async function told(owner: Person, word: string): Promise<{ notification: string; execution: string }> {
    const { database, notifications, executions } = parley.parley
    const { read } = database
    const user = await read.selectFrom('users').select('id').where('public_id', '=', owner.user).executeTakeFirst()
    const space = await read
      .selectFrom('workspaces')
      .select('id')
      .where('public_id', '=', owner.workspace)
      .executeTakeFirst()
    const place = { userId: user!.id, workspaceId: space!.id }
    const draft = { kind: 'guardrail_hit', source: word, body: '', actionUrl: null, data: {} } as const
    await database.write((tx) => notifications.add(tx, [{ ...place, ...draft, title: `Notice of ${word}` }]))
    const execution = await executions.start({ ...place, pluginId: `Plugin of ${word}`, toolName: 'tool' })
    await executions.append(execution, { type: 'log', data: { message: `Log of ${word}` } })
    const listed = await must('GET', '/api/v1/notifications', { headers: bearer(owner.jwt) })
    const all: { id: string; title: string }[] = listed.json.data.notifications
    return { notification: all.find(({ title }) => title === `Notice of ${word}`)!.id, execution }
  }

  /** Every row of a workspace and its people, except what merely being used changes. */
  async function rowsOf(workspace: string): Promise<Record<string, unknown[]>> {
    const { read } = parley.parley.database
    const own = sql`(select id from workspaces where public_id = ${workspace})`
    const found: Record<string, unknown[]> = {}
    const look = async (name: string, query: ReturnType<typeof sql>) => {
      found[name] = (await query.execute(read)).rows
    }
    await look('workspace', sql`select * from workspaces where public_id = ${workspace}`)
    await look('memberships', sql`select * from memberships where workspace_id = ${own} order by user_id`)
    const members = sql`select user_id from memberships where workspace_id = ${own}`
    await look('users', sql`select * from users where id in (${members}) order by id`)
    await look(
      'keys',
      sql`select id, name, scopes, key_hash, revoked_at from api_keys where workspace_id = ${own} order by id`,
    )
    await look('apps', sql`select * from apps where workspace_id = ${own} order by id`)
    await look('guardrails', sql`select * from guardrails where workspace_id = ${own} order by id`)
    await look('violations', sql`select * from guardrail_violations where workspace_id = ${own} order by id`)
    await look('conversations', sql`select * from conversations where workspace_id = ${own} order by id`)
    await look('turns', sql`select * from turns where workspace_id = ${own} order by id`)
    const turnIds = sql`select id from turns where workspace_id = ${own}`
    await look('inputs', sql`select * from turn_inputs where turn_id in (${turnIds}) order by turn_id`)
    await look('outputs', sql`select * from turn_outputs where turn_id in (${turnIds}) order by turn_id`)
    // They come by themselves, some time after what they tell of; what others might do to them is to mark them.
    const marked = sql`(read_at is not null or acknowledged_at is not null)`
    await look('notifications', sql`select * from notifications where workspace_id = ${own} and ${marked} order by id`)
    await look(
      'webhooks',
      sql`select id, url, events, description, secret, enabled from webhooks where workspace_id = ${own} order by id`,
    )
    await look('feedback', sql`select * from feedback where workspace_id = ${own} order by id`)
    await look('clears', sql`select * from conversation_clears where user_id in (${members}) order by user_id, app_id`)
    await look('holds', sql`select * from legal_holds where workspace_id = ${own} order by id`)
    await look('executions', sql`select * from plugin_executions where workspace_id = ${own} order by id`)
    return found
  }

  /** How much was said, in all: what a refused request must not change. */
  async function counts(): Promise<Record<string, number>> {
    const tables = [
      'turns',
      'turn_inputs',
      'conversations',
      'idempotency_keys',
      'apps',
      'api_keys',
      'guardrails',
      'guardrail_violations',
      'users',
      'sessions',
      'plugin_executions',
      'legal_holds',
      'erasures',
      'webhooks',
      'feedback',
      'conversation_clears',
    ]
    const found: Record<string, number> = {}
    for (const table of tables) {
      const query = sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`
      found[table] = Number((await query.execute(parley.parley.database.read)).rows[0]!.n)
    }
    return found
  }

  return {
    upstream,
    parley,
    routes,
    ask,
    must,
    person,
    belongings,
    rowsOf,
    counts,
    socket: (path: string, headers: Record<string, string> = {}) =>
      openSocket(parley.url.replace('http', 'ws') + path, headers),
    async close() {
      await parley.close(0)
      await upstream.close()
    },
  }
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
