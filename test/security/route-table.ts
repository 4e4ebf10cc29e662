import { shortId } from '#lib/short-id.ts'
import type { Belongings, Method } from './world.ts'

/** A request that names things of somebody else. */
export interface Ask {
  url: string
  body?: unknown
  headers?: Record<string, string>
  /** What a stranger is answered; 404 where it says nothing. */
  status?: number
}

/** What the asking side has itself, for requests that name one's own and somebody else's thing together. */
export interface Own {
  workspace: string
  app: string
}

/** No ids in it: such a route can only concern the caller. `body` makes it a valid request. */
const own = (url: string, body?: unknown): Ask[] => [{ url, ...(body !== undefined && { body }), status: 0 }]
/** Answers about the caller's own things only. */
const list = (url: string): Ask => ({ url, status: 200 })
const hello = [{ role: 'user', content: 'hello' }]

/**
 * Every route of the server → what to ask it for with the ids of `it`. A route that is not here fails a test, so that
 * whoever adds one says here how it keeps workspaces apart. `status: 0` is not asked for by strangers.
 */
export const routeTable: Record<string, (it: Belongings, mine: Own) => Ask[]> = {
  'POST /v1/chat/completions': (it): Ask[] => [
    { url: '/v1/chat/completions', body: { model: `app/${it.slug}`, messages: hello } },
    { url: '/v1/chat/completions', body: { model: `app/${it.app}`, messages: hello } },
    {
      url: '/v1/chat/completions',
      body: { model: 'gpt-sim', messages: hello },
      headers: { 'x-session-id': it.session, 'idempotency-key': it.idempotencyKey },
      status: 200,
    },
    // The first makes a conversation of the caller's own, the second must find that one.
    ...['first', 'second'].map((content) => ({
      url: '/v1/chat/completions',
      body: { model: 'gpt-sim', messages: [{ role: 'user', content }] },
      headers: { 'x-session-id': it.sessionName },
      status: 200,
    })),
  ],
  'GET /v1/models': () => [list('/v1/models')],
  'GET /v1/models/*': (it) => [{ url: `/v1/models/app/${it.slug}` }, { url: `/v1/models/app/${it.app}` }],
  'GET /v1/conversations': (it) => [
    list('/v1/conversations'),
    list('/v1/conversations?text=Saying'),
    { url: `/v1/conversations?app=${it.app}` },
    { url: `/v1/conversations?app=${it.slug}&text=Saying` },
  ],
  'POST /v1/conversations': (it) => [{ url: '/v1/conversations', body: { title: 'mine', app: it.app } }],
  'GET /v1/conversations/:conversation_id': (it) => [{ url: `/v1/conversations/${it.session}` }],
  'PATCH /v1/conversations/:conversation_id': (it) => [
    { url: `/v1/conversations/${it.session}`, body: { title: 'mine now' } },
  ],
  'PUT /v1/conversations/:conversation_id': (it) => [
    { url: `/v1/conversations/conv_${it.session}`, body: { title: 'mine now' } },
  ],

  'GET /v1/webhooks': () => [list('/v1/webhooks')],
  'POST /v1/webhooks': (it) => [
    // Whatever the body claims, it would be the caller's own.
    {
      url: '/v1/webhooks',
      body: { url: 'http://127.0.0.1:9/', events: ['member.added'], workspace_id: it.workspace },
      status: 400,
    },
  ],
  'GET /v1/webhooks/:webhook_id': (it) => [{ url: `/v1/webhooks/${it.webhook}` }],
  'PATCH /v1/webhooks/:webhook_id': (it) => [
    { url: `/v1/webhooks/${it.webhook}`, body: { url: 'http://127.0.0.1:9/mine' } },
  ],
  'DELETE /v1/webhooks/:webhook_id': (it) => [{ url: `/v1/webhooks/${it.webhook}` }],
  'POST /v1/webhooks/:webhook_id/rotate': (it) => [{ url: `/v1/webhooks/${it.webhook}/rotate` }],
  'POST /v1/webhooks/:webhook_id/test': (it) => [{ url: `/v1/webhooks/${it.webhook}/test` }],
  'GET /v1/webhooks/:webhook_id/deliveries': (it) => [
    { url: `/v1/webhooks/${it.webhook}/deliveries` },
    { url: `/v1/webhooks/${it.webhook}/deliveries?after=${it.delivery}` },
  ],
  'POST /v1/webhooks/:webhook_id/deliveries/:delivery_id/replay': (it) => [
    { url: `/v1/webhooks/${it.webhook}/deliveries/${it.delivery}/replay` },
  ],

  'POST /api/v1/chat/:application_id/chat/completions': (it, mine) => [
    { url: `/api/v1/chat/${it.app}/chat/completions`, body: { messages: hello } },
    {
      url: `/api/v1/chat/${mine.app}/chat/completions`,
      body: { messages: hello },
      headers: { 'x-session-id': it.session },
      status: 200,
    },
  ],
  'POST /api/v1/chat/completions': (it) => [
    { url: '/api/v1/chat/completions', body: { session_id: it.session, message: 'hello' } },
  ],
  'POST /api/v1/chat/sessions': (it) => [
    { url: '/api/v1/chat/sessions', body: { application_id: it.app } },
    { url: '/api/v1/chat/sessions', body: { application_id: it.slug, title: 'mine' } },
  ],
  'GET /api/v1/chat/sessions': (it) => [
    list('/api/v1/chat/sessions'),
    { url: `/api/v1/chat/sessions?application_id=${it.app}` },
    { url: `/api/v1/chat/sessions?application_id=${it.slug}` },
  ],
  'GET /api/v1/chat/sessions/:session_id': (it) => [{ url: `/api/v1/chat/sessions/${it.session}` }],
  'GET /api/v1/chat/sessions/:session_id/messages': (it) => [{ url: `/api/v1/chat/sessions/${it.session}/messages` }],
  'PUT /api/v1/chat/sessions/:session_id/archive': (it) => [{ url: `/api/v1/chat/sessions/${it.session}/archive` }],
  'GET /api/v1/chat/:app_id/messages': (it, mine) => [
    { url: `/api/v1/chat/${it.app}/messages` },
    { url: `/api/v1/chat/${it.app}/messages?session_id=${it.session}` },
    list(`/api/v1/chat/${mine.app}/messages?session_id=${it.session}`),
  ],

  'GET /api/v1/turns/:turn_id': (it) => turnsOf(it).map((id) => ({ url: `/api/v1/turns/${id}` })),
  'GET /api/v1/turns/:turn_id/events': (it) => turnsOf(it).map((id) => ({ url: `/api/v1/turns/${id}/events` })),
  'POST /api/v1/turns/:turn_id/commands': (it) =>
    [
      { type: 'cancel' },
      { type: 'steer', text: 'say more' },
      { type: 'tool-result', call_id: 'c', result: 'r' },
    ].flatMap((body) => turnsOf(it).map((id) => ({ url: `/api/v1/turns/${id}/commands`, body }))),
  'POST /api/v1/turns/:turn_id/feedback': (it) =>
    turnsOf(it).map((id) => ({ url: `/api/v1/turns/${id}/feedback`, body: { is_positive: false } })),
  'GET /api/v1/feedback': (it) => [
    list('/api/v1/feedback'),
    list(`/api/v1/feedback?before=${it.feedback}`),
    { url: `/api/v1/feedback?application_id=${it.app}` },
  ],
  'GET /api/v1/feedback/export': (it) => [
    list('/api/v1/feedback/export'),
    list('/api/v1/feedback/export?format=jsonl'),
    { url: `/api/v1/feedback/export?application_id=${it.app}` },
  ],
  'GET /api/v1/feedback/counts': (it) => [
    list('/api/v1/feedback/counts'),
    { url: `/api/v1/feedback/counts?application_id=${it.app}` },
  ],
  'GET /api/v1/usage': () => [list('/api/v1/usage')],

  'POST /api/v1/auth/login': () => own('/api/v1/auth/login', { email: 'nobody@example.test', password: 'wrong' }),
  'POST /api/v1/auth/register': () => own('/api/v1/auth/register', { email: 'no', password: 'no' }),
  'POST /api/v1/auth/refresh': () => own('/api/v1/auth/refresh', { refresh_token: 'prt_of_nobody' }),
  'POST /api/v1/auth/logout': () => own('/api/v1/auth/logout'),
  'GET /api/v1/auth/me': () => own('/api/v1/auth/me'),
  'PATCH /api/v1/auth/me': () => own('/api/v1/auth/me', { full_name: 'Another' }),
  // Foreign codes and clients are in kadal-auth.test.ts.
  'POST /aiwb/auth/api/v2/login': () =>
    own('/aiwb/auth/api/v2/login', { username: 'nobody@example.test', password: 'wrong' }),
  'POST /auth/api/v1/oauth/connect/token': (it) =>
    own('/auth/api/v1/oauth/connect/token', {
      grant_type: 'client_credentials',
      client_id: it.key,
      client_secret: 'parley_of_nobody',
    }),
  'POST /api/v1/auth/password': () =>
    own('/api/v1/auth/password', { current_password: 'wrong', new_password: 'long enough to be one' }),

  'POST /api/v1/api-keys': (it) => [{ url: '/api/v1/api-keys', body: { name: 'mine', workspace_id: it.workspace } }],
  'GET /api/v1/api-keys': (it) => [{ url: `/api/v1/api-keys?workspace_id=${it.workspace}` }],
  'GET /api/v1/api-keys/:id': (it) => [{ url: `/api/v1/api-keys/${it.key}` }],
  'PATCH /api/v1/api-keys/:id': (it) => [{ url: `/api/v1/api-keys/${it.key}`, body: { name: 'mine now' } }],
  'DELETE /api/v1/api-keys/:id': (it) => [{ url: `/api/v1/api-keys/${it.key}` }],
  'POST /api/v1/api-keys/:id/rotate': (it) => [{ url: `/api/v1/api-keys/${it.key}/rotate` }],
  'GET /api/v1/api-keys/:id/stats': (it) => [{ url: `/api/v1/api-keys/${it.key}/stats` }],

  'GET /api/v1/applications': () => [list('/api/v1/applications')],
  'POST /api/v1/applications': (it) => [
    // Whatever the body claims, the app is the caller's own.
    {
      url: '/api/v1/applications',
      body: { name: 'planted', id: it.app, workspace_id: it.workspace, workspaceId: it.workspace, created_by: it.user },
      status: 200,
    },
  ],
  'GET /api/v1/applications/:app_id': (it) => bothNames(it),
  'PUT /api/v1/applications/:app_id': (it) => bothNames(it, '', { name: 'mine now' }),
  'PATCH /api/v1/applications/:app_id': (it) => bothNames(it, '', { name: 'mine now' }),
  'DELETE /api/v1/applications/:app_id': (it) => bothNames(it),
  'POST /api/v1/applications/:app_id/token/rotate': (it) => bothNames(it, '/token/rotate'),

  'GET /api/v1/workspaces/:ws/guardrails/violations': (it, mine) => [
    { url: `/api/v1/workspaces/${it.workspace}/guardrails/violations` },
    { url: `/api/v1/workspaces/${mine.workspace}/guardrails/violations?application_id=${it.app}` },
    list(`/api/v1/workspaces/${mine.workspace}/guardrails/violations?rule_id=${it.guardrail}`),
  ],
  ...guardrailsUnder('/api/v1/workspaces/:ws', ({ workspace }) => [`/api/v1/workspaces/${workspace}`]),
  ...guardrailsUnder('/api/v1/applications/:app_id', ({ app, slug }) => [
    `/api/v1/applications/${app}`,
    `/api/v1/applications/${slug}`,
  ]),

  'GET /api/v1/workspaces': () => own('/api/v1/workspaces'),
  'POST /api/v1/workspaces': () => own('/api/v1/workspaces', { name: 'another' }),
  'GET /api/v1/workspaces/:ws': (it) => [{ url: `/api/v1/workspaces/${it.workspace}` }],
  'PATCH /api/v1/workspaces/:ws': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}`, body: { name: 'mine now' } },
    { url: `/api/v1/workspaces/${it.workspace}`, body: { code: 'mine' } },
  ],
  'GET /api/v1/workspaces/:ws/members': (it) => [{ url: `/api/v1/workspaces/${it.workspace}/members` }],
  'POST /api/v1/workspaces/:ws/members': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/members`, body: { user_id: it.user, role: 'member' } },
  ],
  'PUT /api/v1/workspaces/:ws/members/:user_id': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/members/${it.user}`, body: { role: 'member' } },
  ],
  'PUT /api/v1/workspaces/:ws/members/:user_id/role': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/members/${it.user}/role`, body: { role: 'member' } },
  ],
  'PATCH /api/v1/workspaces/:ws/members/:user_id': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/members/${it.user}`, body: { role: 'member' } },
  ],
  'DELETE /api/v1/workspaces/:ws/members/:user_id': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/members/${it.user}` },
  ],

  'GET /api/v1/workspaces/:ws/retention': (it) => [{ url: `/api/v1/workspaces/${it.workspace}/retention` }],
  'PUT /api/v1/workspaces/:ws/retention': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/retention`, body: { retention_days: 1 } },
  ],
  'GET /api/v1/workspaces/:ws/holds': (it) => [{ url: `/api/v1/workspaces/${it.workspace}/holds` }],
  'POST /api/v1/workspaces/:ws/holds': (it, mine) => [
    { url: `/api/v1/workspaces/${it.workspace}/holds`, body: { reason: 'mine' } },
    { url: `/api/v1/workspaces/${mine.workspace}/holds`, body: { reason: 'mine', application_id: it.app } },
    { url: `/api/v1/workspaces/${mine.workspace}/holds`, body: { reason: 'mine', session_id: it.session } },
  ],
  'DELETE /api/v1/workspaces/:ws/holds/:id': (it, mine) => [
    { url: `/api/v1/workspaces/${it.workspace}/holds/${it.hold}` },
    { url: `/api/v1/workspaces/${mine.workspace}/holds/${it.hold}` },
  ],
  'POST /api/v1/workspaces/:ws/members/:user_id/erasure': (it) => [
    { url: `/api/v1/workspaces/${it.workspace}/members/${it.user}/erasure` },
  ],
  // Only for administrators of the server.
  'DELETE /api/v1/users/:user_id/data': (it) => [{ url: `/api/v1/users/${it.user}/data`, status: 403 }],
  'DELETE /api/v1/users/me/data': () => own('/api/v1/users/me/data', { current_password: 'wrong' }),
  'GET /api/v1/users/me/export': () => own('/api/v1/users/me/export'),
  'GET /api/v1/erasures/:id': (it) => [{ url: `/api/v1/erasures/${it.erasure}` }],

  'GET /api/v1/notifications': (it) => [
    list('/api/v1/notifications'),
    { url: `/api/v1/notifications?before=${it.notification}`, status: 422 },
  ],
  'POST /api/v1/notifications/read-all': () => own('/api/v1/notifications/read-all'),
  'GET /api/v1/notifications/:id': (it) => [{ url: `/api/v1/notifications/${it.notification}` }],
  'POST /api/v1/notifications/:id/read': (it) => [{ url: `/api/v1/notifications/${it.notification}/read` }],
  'POST /api/v1/notifications/:id/ack': (it) => [{ url: `/api/v1/notifications/${it.notification}/ack` }],
  'GET /api/v1/plugin/executions': (it) => [
    list('/api/v1/plugin/executions'),
    { url: `/api/v1/plugin/executions?before=${it.execution}`, status: 422 },
  ],
  'GET /api/v1/plugin/executions/:id': (it) => [{ url: `/api/v1/plugin/executions/${it.execution}` }],

  // The signature is the credential; true ones are in blobs.test.ts.
  'GET /blobs/*': (it) => [
    { url: `/blobs/${it.workspace}/transcripts/a.pdf?expires=99999999999&signature=${'x'.repeat(43)}`, status: 403 },
  ],

  'POST /aiwb/chat/api/v7/:chat_bot_id/stream': (it) => [
    { url: `/aiwb/chat/api/v7/${it.app}/stream?continue_last_chat=true`, body: { message: 'hello' } },
  ],
  'POST /aiwb/chat/api/v7/': (it) => [
    { url: `/aiwb/chat/api/v7/?chat_bot_id=${it.app}`, body: {} },
    { url: '/aiwb/chat/api/v7/', body: { chat_bot_id: it.app, text: 'of', created_by: it.user } },
  ],
  'POST /aiwb/chat/api/v7/download/': (it) => [{ url: `/aiwb/chat/api/v7/download/?chat_bot_id=${it.app}`, body: {} }],
  'POST /aiwb/chat/api/v7/clearhistory': (it) => [{ url: `/aiwb/chat/api/v7/clearhistory?chat_bot_id=${it.app}` }],
  'POST /aiwb/chat/api/v3/feedbacks': (it) => [
    { url: '/aiwb/chat/api/v3/feedbacks', body: { chatbotId: it.app, details: 'mine' } },
  ],

  'GET /health': () => own('/health'),
  'GET /health/liveness': () => own('/health/liveness'),
  'GET /health/readiness': () => own('/health/readiness'),
  'GET /api/v1/system/health': () => own('/api/v1/system/health'),
  // Only for administrators of the server; its frames are in tenants-sockets.test.ts.
  'GET /ws/stats': () => [{ url: '/ws/stats', status: 403 }],
  'GET /metrics': () => [{ url: '/metrics', status: 403 }],
  'GET /ws/chat/:session_id': (it) => own(`/ws/chat/${it.session}`),
  // Its frames are in nodetool-socket.test.ts.
  'GET /chat': () => own('/chat'),
  // Sockets; who may open them is in realtime.test.ts.
  'GET /ws/notifications/:user_id': (it) => own(`/ws/notifications/${it.user}`),
  'GET /ws/workspaces/:workspace_id': (it) => own(`/ws/workspaces/${it.workspace}`),
  'GET /api/v1/ws/plugin/debug/:execution_id': (it) => own(`/api/v1/ws/plugin/debug/${it.execution}`),
}

/** Routes that answer without a credential. The chat endpoint is not among them: the app's token is one. */
export const publicRoutes = new Set([
  'POST /api/v1/auth/login',
  'POST /api/v1/auth/register',
  'POST /api/v1/auth/refresh',
  'POST /aiwb/auth/api/v2/login',
  'POST /auth/api/v1/oauth/connect/token',
  'GET /blobs/*',
  'GET /health',
  'GET /health/liveness',
  'GET /health/readiness',
  'GET /api/v1/system/health',
  'GET /ws/chat/:session_id',
  'GET /chat',
  'GET /ws/notifications/:user_id',
  'GET /ws/workspaces/:workspace_id',
  'GET /api/v1/ws/plugin/debug/:execution_id',
])

/** What only reads although it is a POST: a key that may only read may do it. */
export const readingPosts = new Set(['POST /aiwb/chat/api/v7/'])

/** By both names that turns have. */
function turnsOf(it: Belongings): string[] {
  return [it.turn, it.running].flatMap((id) => [id, shortId(id)])
}

function bothNames(it: Belongings, rest = '', body?: unknown): Ask[] {
  return [it.app, it.slug].map((name) => ({
    url: `/api/v1/applications/${name}${rest}`,
    ...(body !== undefined && { body }),
  }))
}

/** The endpoints of guardrails under a workspace or an application, also with the rule named under one's own. */
function guardrailsUnder(
  route: string,
  prefixesOf: (it: Pick<Belongings, 'workspace' | 'app' | 'slug'>) => string[],
): typeof routeTable {
  const rule = { name: 'mine', kind: 'words', where: 'both', action: 'block', config: { words: ['hello'] } }
  const own = (mine: Own) => prefixesOf({ ...mine, slug: mine.app })
  const at = (rest: string, body?: unknown) => (it: Belongings) =>
    prefixesOf(it).map((prefix): Ask => ({ url: `${prefix}/guardrails${rest}`, ...(body !== undefined && { body }) }))
  const one = (body?: unknown) => (it: Belongings, mine: Own) =>
    [...prefixesOf(it), ...own(mine)].map(
      (prefix): Ask => ({ url: `${prefix}/guardrails/${it.guardrail}`, ...(body !== undefined && { body }) }),
    )
  return {
    [`GET ${route}/guardrails`]: at(''),
    [`POST ${route}/guardrails`]: at('', rule),
    [`POST ${route}/guardrails/test`]: at('/test', { text: 'hello', where: 'input' }),
    [`GET ${route}/guardrails/:guardrail_id`]: one(),
    [`PUT ${route}/guardrails/:guardrail_id`]: one({ name: 'mine now' }),
    [`PATCH ${route}/guardrails/:guardrail_id`]: one({ enabled: false }),
    [`DELETE ${route}/guardrails/:guardrail_id`]: one(),
  }
}

/** All requests of the table, with the route each belongs to. */
export function asksOf(it: Belongings, mine: Own): (Ask & { route: string; method: Method })[] {
  return Object.entries(routeTable).flatMap(([route, asks]) =>
    asks(it, mine).map((ask) => ({ ...ask, route, method: route.split(' ')[0] as Method })),
  )
}
