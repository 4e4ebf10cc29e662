import type { Principal } from '#contracts/index.ts'
import { AppError, invalid } from '#errors/index.ts'
import type { Users } from '#features/users/index.ts'
import { lockMembers } from '#features/workspaces/index.ts'
import type { Outbound } from '#lib/outbound/index.ts'
import { seal } from '#lib/seal.ts'
import { plainText } from '#lib/text.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Database } from '#store/index.ts'
import { type AttemptDeps, attempt, type Outcome } from './attempt.ts'
import { failPending } from './delivery-rows.ts'
import { isServerWide, readEvents } from './events.ts'
import { requireKeeper, requireServerAdmin } from './policy.ts'
import { newSecret, readSecret } from './secret.ts'
import {
  countWebhooks,
  deleteWebhookRow,
  eventColumns,
  findWebhookRow,
  insertWebhook,
  listWebhookRows,
  updateWebhookRow,
} from './store.ts'
import type { Webhook } from './webhook.ts'

export interface WebhooksDeps extends AttemptDeps {
  database: Database
  users: Pick<Users, 'isServerAdmin'>
  outbound: Pick<Outbound, 'check' | 'send'>
}

export interface WebhookInput {
  url: string
  events: string[]
  description?: string | undefined
  enabled?: boolean | undefined
}

const mostWebhooks = 50
const mostUrl = 2_048
const mostDescription = 500
/** For so long the secret before a rotation signs too. */
const rotationMs = 24 * 3_600_000
/** Tests under way in this process. */
const mostTests = 16
let tests = 0

/** Throws `conflict` when there are fifty already. The secret is given here, and never again. */
export async function createWebhook(
  deps: WebhooksDeps,
  principal: Principal,
  input: WebhookInput & { secret?: string | undefined },
): Promise<{ webhook: Webhook; secret: string }> {
  requireKeeper(principal)
  const events = readEvents(input.events)
  if (events.some(isServerWide)) await requireServerAdmin(deps, principal)
  const secret = input.secret === undefined ? newSecret() : readSecret(input.secret)
  const workspaceId = principal.workspace.id
  const now = deps.now()
  const row = {
    publicId: `wh_${uuidv7(now).replaceAll('-', '')}`,
    workspaceId,
    url: await readUrl(deps, input.url),
    events,
    description: plainText('description', input.description ?? '', mostDescription, 0),
    secret: seal(deps.secretKey, secret),
    enabled: input.enabled ?? true,
    createdBy: principal.user.id,
    now,
  }
  await deps.database.write(async (tx) => {
    await lockMembers(tx, workspaceId)
    if ((await countWebhooks(tx.db, workspaceId)) >= mostWebhooks)
      throw new AppError('conflict', `A workspace may have ${mostWebhooks} webhooks, and this one has`)
    await insertWebhook(tx, row)
  })
  return { webhook: await getWebhook(deps, principal, row.publicId), secret }
}

/** Newest first, with how many there are in all. */
export async function listWebhooks(
  deps: WebhooksDeps,
  principal: Principal,
  page: { limit: number; offset: number },
): Promise<{ webhooks: Webhook[]; total: number }> {
  requireKeeper(principal)
  return {
    webhooks: await listWebhookRows(deps.database, principal.workspace.id, page),
    total: await countWebhooks(deps.database.read, principal.workspace.id),
  }
}

/** Throws `not-found`, also for another workspace's. */
export async function getWebhook(
  deps: Pick<WebhooksDeps, 'database'>,
  principal: Principal,
  id: string,
): Promise<Webhook> {
  requireKeeper(principal)
  const webhook = await findWebhookRow(deps.database, principal.workspace.id, id)
  if (!webhook) throw new AppError('not-found', 'Webhook not found')
  return webhook
}

/** Changes what is given and leaves the rest. Who disables it ends what is pending; who enables it begins anew. */
export async function updateWebhook(
  deps: WebhooksDeps,
  principal: Principal,
  id: string,
  change: Partial<WebhookInput>,
): Promise<Webhook> {
  const webhook = await getWebhook(deps, principal, id)
  const events = change.events === undefined ? webhook.events : readEvents(change.events)
  // Where events of the server go to must not be changed by somebody else either.
  if (webhook.isServerWide || events.some(isServerWide)) await requireServerAdmin(deps, principal)
  const enabled = change.enabled ?? webhook.enabled
  const values = {
    ...(change.url !== undefined && { url: await readUrl(deps, change.url) }),
    ...eventColumns(events),
    ...(change.description !== undefined && {
      description: plainText('description', change.description, mostDescription, 0),
    }),
    enabled: enabled ? 1 : 0,
    ...(enabled && !webhook.enabled && { disabled_reason: null, failures: 0, failing_since: null }),
  }
  await write(deps, webhook, values, !enabled && webhook.enabled)
  return getWebhook(deps, principal, id)
}

/** Its deliveries go with it. */
export async function removeWebhook(deps: WebhooksDeps, principal: Principal, id: string): Promise<void> {
  const webhook = await getWebhook(deps, principal, id)
  await deps.database.write((tx) => deleteWebhookRow(tx, webhook.id))
}

/** A new secret; the one before signs too for a day, so that a receiver can change over in its own time. */
export async function rotateWebhook(
  deps: WebhooksDeps,
  principal: Principal,
  id: string,
  given?: string,
): Promise<{ webhook: Webhook; secret: string }> {
  const webhook = await getWebhook(deps, principal, id)
  if (webhook.isServerWide) await requireServerAdmin(deps, principal)
  const secret = given === undefined ? newSecret() : readSecret(given)
  await write(deps, webhook, {
    secret: seal(deps.secretKey, secret),
    old_secret: webhook.secret,
    old_secret_until: deps.now() + rotationMs,
  })
  return { webhook: await getWebhook(deps, principal, id), secret }
}

/** Sends an event of its own now, once. Throws `overloaded` when too many are under way. */
export async function testWebhook(deps: WebhooksDeps, principal: Principal, id: string): Promise<Outcome> {
  const webhook = await getWebhook(deps, principal, id)
  if (tests >= mostTests)
    throw new AppError('overloaded', 'Too many webhooks are being tested now', { retryAfterMs: 5_000 })
  const now = deps.now()
  const message = messageOf('webhook.test', { webhook_id: webhook.publicId }, now, now)
  tests++
  try {
    return await attempt(deps, webhook, message)
  } finally {
    tests--
  }
}

/** What is sent of an event, with an id of its own. `at`: when it happened, unix ms. */
export function messageOf(type: string, data: object, at: number, now: number): { id: string; body: string } {
  const id = `msg_${uuidv7(now).replaceAll('-', '')}`
  return { id, body: JSON.stringify({ id, type, timestamp: new Date(at).toISOString(), data }) }
}

export const disabledError = 'The webhook was disabled'

async function write(
  deps: WebhooksDeps,
  webhook: Webhook,
  values: Parameters<typeof updateWebhookRow>[2],
  endsPending = false,
): Promise<void> {
  const now = deps.now()
  const done = await deps.database.write(async (tx) => {
    const updated = await updateWebhookRow(tx, webhook, values, now)
    if (updated && endsPending) await failPending(tx, webhook.id, disabledError, now)
    return updated
  })
  if (!done) throw new AppError('conflict', 'The webhook was changed at the same moment')
}

async function readUrl(deps: Pick<WebhooksDeps, 'outbound'>, text: string): Promise<string> {
  const url = plainText('url', text, mostUrl)
  const { href } = await deps.outbound.check('url', url)
  // What stands for one character may take several as it is sent.
  if (href.length > mostUrl) throw invalid('url', `'url' must have at most ${mostUrl} characters`)
  return url
}
