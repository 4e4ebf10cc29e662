import type { TurnEnd, TurnState } from '#contracts/index.ts'
import { AppError, type ErrorInfo } from '#errors/index.ts'

const cancelled: ErrorInfo = { code: 'cancelled', message: 'The turn was cancelled' }

/** What keeps a turn's answer from being whole: how it failed, or that it was cancelled. Undefined: nothing. */
export function failureOf(end: TurnEnd | TurnState): ErrorInfo | undefined {
  const outcome = 'outcome' in end ? end.outcome : end.status
  return end.error ?? (outcome === 'cancelled' ? cancelled : undefined)
}

/** An error that was data in an event, as one to throw. */
export function thrownFrom(info: {
  code: AppError['code']
  message: string
  details?: object
  retryAfterMs?: number
}): AppError {
  return new AppError(info.code, info.message, {
    ...(info.details && { details: info.details as Record<string, unknown> }),
    ...(info.retryAfterMs !== undefined && { retryAfterMs: info.retryAfterMs }),
  })
}
