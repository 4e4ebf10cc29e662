import { askBot, postKadal } from './kadal-client.ts'
import { query } from './ledger.ts'
import type { StoryPerson } from './people.ts'
import type { Story } from './story.ts'
import { until } from './until.ts'

/** A word that nothing else contains, and that nothing takes for a number. */
export function newWord(): string {
  return `zq${crypto.randomUUID().replaceAll('-', '').slice(8)}`.replaceAll(
    /\d/g,
    (digit) => 'ghijklmnop'[Number(digit)]!,
  )
}

/** An app, with a rule that notes a word. */
export async function makeBot(story: Story, owner: StoryPerson): Promise<string> {
  const made = await must(story, 'POST', '/api/v1/applications', { name: 'Bot', model: 'gpt-sim' }, owner.headers)
  const rule = { name: 'flags', kind: 'words', where: 'input', action: 'flag', config: { words: ['vexillum'] } }
  await must(story, 'POST', `/api/v1/applications/${made.data.id}/guardrails`, rule, owner.headers)
  return made.data.id
}

/** Each is a way by which a word of somebody's comes into the database; `workspace` is where `app` is. */
export const waysToSay: Record<
  string,
  (story: Story, who: StoryPerson, word: string, place: { app: string; workspace: string }) => Promise<unknown>
> = {
  async 'a stateless turn with metadata'(story, who, word, { workspace }) {
    const body = { model: 'gpt-sim', messages: [{ role: 'user', content: word }], metadata: { note: word } }
    await must(story, 'POST', '/v1/chat/completions', body, inWorkspace(who, workspace))
  },
  async 'a named session with a key of its own'(story, who, word, { app, workspace }) {
    const headers = { ...inWorkspace(who, workspace), 'x-session-id': `s ${word}`, 'idempotency-key': `k ${word}` }
    const body = { messages: [{ role: 'user', content: `First ${word}` }] }
    await must(story, 'POST', `/api/v1/chat/${app}/chat/completions`, body, headers)
  },
  async 'a titled session'(story, who, word, { app, workspace }) {
    const headers = inWorkspace(who, workspace)
    const made = await must(story, 'POST', '/api/v1/chat/sessions', { application_id: app, title: word }, headers)
    const body = { session_id: made.data.id, message: `In it ${word}` }
    await story.api('POST', '/api/v1/chat/completions', body, headers)
  },
  async 'a turn that failed'(story, who, word, { app, workspace }) {
    story.upstream.script({ raw: { status: 400, body: JSON.stringify({ error: { message: word } }) } })
    const body = { stream: true, messages: [{ role: 'user', content: word }] }
    const answer = await story.api('POST', `/api/v1/chat/${app}/chat/completions`, body, inWorkspace(who, workspace))
    if (answer.status !== 502) throw new Error(`the turn did not fail: ${answer.status}`)
  },
  async 'a bot about an object'(story, who, word, { app, workspace }) {
    const headers = inWorkspace(who, workspace)
    const params = { object_id: `o ${word}`, ext_ref_user_id: `e ${word}` }
    await askBot(story, app, `Ask ${word}`, { params, headers })
    await postKadal(story, '/v7/clearhistory', { chat_bot_id: app, ...params }, undefined, headers)
  },
  async 'an opinion'(story, who, word, { app, workspace }) {
    const headers = inWorkspace(who, workspace)
    const said = await story.api(
      'POST',
      `/api/v1/chat/${app}/chat/completions`,
      { messages: [{ role: 'user', content: word }] },
      headers,
    )
    const url = `/api/v1/turns/${said.headers.get('x-turn-id')}/feedback`
    await must(story, 'POST', url, { is_positive: false, reason: word, details: word }, headers)
    await postKadal(story, '/v3/feedbacks', {}, { details: word, query: word, metadata: { source: word } }, headers)
  },
  async 'something that a guardrail noted'(story, who, word, { app, workspace }) {
    const body = { messages: [{ role: 'user', content: `${word} and a vexillum` }] }
    await must(story, 'POST', `/api/v1/chat/${app}/chat/completions`, body, inWorkspace(who, workspace))
  },
  async 'the name of a key'(story, who, word, { workspace }) {
    const body = { name: `n ${word}`, description: word, workspace_id: workspace }
    await must(story, 'POST', '/api/v1/api-keys', body, who.headers)
  },
  async 'a notification and a run of a plugin'(story, who, word, { workspace }) {
    const { notifications, executions, database } = story.parley.parley
    const place = {
      userId: await keyOf(story, 'users', who.id),
      workspaceId: await keyOf(story, 'workspaces', workspace),
    }
    const draft = { kind: 'guardrail_hit', source: word, body: word, actionUrl: null, data: { word } } as const
    await database.write((tx) => notifications.add(tx, [{ ...place, ...draft, title: word }]))
    const run = await executions.start({ ...place, pluginId: word, toolName: word })
    await executions.append(run, { type: 'log', data: { message: word } })
  },
}

/** When everything that was said has come where it is kept. */
export function settled(story: Story): Promise<unknown> {
  return until(async () => {
    const jobs = await query(story.parley.home, 'select id from jobs where dead = 0')
    const running = await query(story.parley.home, `select id from turns where status = 'running'`)
    return jobs.length === 0 && running.length === 0
  })
}

/**
 * What must be the same whatever text was removed: turns with their figures, sums, and money. Not how often keys were
 * used: that is written every few seconds, whatever else happens.
 */
export function usageOf(story: Story): Promise<unknown[]> {
  const figures = 'input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, cost_micros'
  return Promise.all(
    [
      `select id, public_id, workspace_id, user_id, app_id, conversation_id, key_id, door, status, model, upstream,
       estimated, finish_reason, created_at, ended_at, ${figures} from turns order by id`,
      'select * from usage_hourly order by workspace_id, user_id, app_id, model, upstream, hour',
      'select id, spent_micros, reserved_micros from workspaces order by id',
      'select id from api_keys order by id',
      'select id, turn_id, is_positive from feedback order by id',
      'select id, rule_id, count from guardrail_violations order by id',
    ].map((sql) => query(story.parley.home, sql)),
  )
}

function inWorkspace(who: StoryPerson, workspace: string): Record<string, string> {
  return { ...who.headers, 'x-workspace-id': workspace }
}

export async function keyOf(story: Story, table: 'users' | 'workspaces', publicId: string): Promise<number> {
  const { read } = story.parley.parley.database
  return (await read.selectFrom(table).select('id').where('public_id', '=', publicId).executeTakeFirstOrThrow()).id
}

async function must(story: Story, method: string, path: string, body: unknown, headers: Record<string, string>) {
  const answer = await story.api(method, path, body, headers)
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}
