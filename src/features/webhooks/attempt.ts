import { toAppError } from '#errors/index.ts'
import type { Outbound } from '#lib/outbound/index.ts'
import { unseal } from '#lib/seal.ts'
import { retryAfterMs } from '#providers/index.ts'
import { sign } from './secret.ts'
import type { Webhook } from './webhook.ts'

export interface AttemptDeps {
  outbound: Pick<Outbound, 'send'>
  /** deriveKey(master, 'webhooks'). */
  secretKey: Buffer
  now(): number
  /** For one attempt as a whole. */
  timeoutMs: number
}

/** What became of one attempt. */
export interface Outcome {
  delivered: boolean
  /** Of the answer; absent: there was none. */
  status?: number
  latencyMs: number
  /** Why it was not delivered, in our words. */
  error?: string
  /** How long the receiver wants to be left alone. */
  retryAfterMs?: number
  /** It was broken off because this process stops; nothing is known of it. */
  isGivenUp?: true
}

const answerBytes = 4_096

/** Sends a message once and says what became of it. Does not throw. */
export async function attempt(
  deps: AttemptDeps,
  webhook: Pick<Webhook, 'url' | 'secret' | 'oldSecret' | 'oldSecretUntil'>,
  message: { id: string; body: string },
  signal?: AbortSignal,
): Promise<Outcome> {
  const started = performance.now()
  const latency = () => Math.round(performance.now() - started)
  const signature = signatures(deps, webhook, message)
  if (!signature)
    return { delivered: false, latencyMs: 0, error: 'The signing secret cannot be read any more; rotate it' }
  try {
    const { status, headers } = await deps.outbound.send({
      method: 'POST',
      url: webhook.url,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Parley-Webhooks/1',
        'webhook-id': message.id,
        ...signature,
      },
      body: message.body,
      timeoutMs: deps.timeoutMs,
      answerBytes,
      ...(signal && { signal }),
    })
    const latencyMs = latency()
    if (status >= 200 && status < 300) return { delivered: true, status, latencyMs }
    const pause = status === 429 || status === 503 ? retryAfterMs(headers['retry-after'], deps.now()) : undefined
    const error = status < 400 ? `It answered ${status}; redirects are not followed` : `It answered ${status}`
    return { delivered: false, status, latencyMs, error, ...(pause !== undefined && { retryAfterMs: pause }) }
  } catch (thrown) {
    const { code, message: error } = toAppError(thrown)
    return { delivered: false, latencyMs: latency(), error, ...(code === 'cancelled' && { isGivenUp: true as const }) }
  }
}

/** By the secret, and by the one before it as long as that counts. Undefined: it was sealed with another key. */
function signatures(
  { secretKey, now }: AttemptDeps,
  { secret, oldSecret, oldSecretUntil }: Pick<Webhook, 'secret' | 'oldSecret' | 'oldSecretUntil'>,
  { id, body }: { id: string; body: string },
): Record<string, string> | undefined {
  const time = now()
  const seconds = Math.floor(time / 1000)
  const sealed = oldSecret !== null && (oldSecretUntil ?? 0) > time ? [secret, oldSecret] : [secret]
  const opened = sealed.map((one) => unseal(secretKey, one)).filter((one) => one !== undefined)
  if (opened.length === 0) return undefined
  return {
    'webhook-timestamp': String(seconds),
    'webhook-signature': opened.map((one) => sign(one, { id, seconds, body })).join(' '),
  }
}
