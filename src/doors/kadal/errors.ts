import { kadalError } from '#dialects/kadal-errors.ts'
import { AppError, type ErrorInfo, errorCodes } from '#errors/index.ts'
import type { ErrorShape } from '../gate/index.ts'

/** A bot that is not there, or somebody else's: Kadal's clients are told so in words of their own (CONTRACTS §4.4, §4.5). */
export function noBot(): AppError {
  return new AppError('not-found', "Agent wasn't found.", { details: { field: 'chat_bot_id' } })
}

const noBotBody = {
  status_code: 404,
  message: "Agent wasn't found.",
  query_response_id: '',
  finish_reason: 'no_bot_found',
}

const tooLong = 'The input is longer than this agent can read. Please shorten it, or upload a smaller file.'

/**
 * What Kadal tells with HTTP 200 and without ids: that the input does not fit, and that it or the answer was refused.
 * Undefined: any other failure.
 */
export function refusalOf(error: Pick<ErrorInfo, 'code' | 'message'>): object | undefined {
  if (error.code === 'context-too-long')
    return { status_code: 200, message: tooLong, finish_reason: 'input_exceeded_context_window' }
  if (error.code === 'content-blocked')
    return { status_code: 200, message: error.message, finish_reason: 'guardrail_hit' }
  return undefined
}

/** How a turn failed, as the last line of a stream. */
export function failureLine(error: ErrorInfo, queryResponseId: string): object {
  const refusal = refusalOf(error)
  if (refusal) return refusal
  const { status_code, message, error: name } = kadalError({ ...error, status: errorCodes[error.code].status }, '')
  return {
    status_code,
    message: error.code === 'internal' ? 'Internal server error' : message,
    session_id: null,
    query_response_id: queryResponseId,
    finish_reason: 'error',
    error: name,
  }
}

/** Of endpoints that lead to a bot: the shape of all of Kadal's, and what the document says of this one. */
export const botErrors: ErrorShape = {
  status: (error) => (refusalOf(error) ? 200 : error.status),
  body: (error, request) =>
    refusalOf(error) ??
    (error.details?.field === 'chat_bot_id' && error.code === 'not-found' ? noBotBody : kadalError(error, request.id)),
}

export const kadalErrors: ErrorShape = {
  status: (error) => error.status,
  body: (error, request) => kadalError(error, request.id),
}

/** Of feedback the document gives the body to the letter (CONTRACTS §4.6). */
export const feedbackErrors: ErrorShape = {
  status: (error) => error.status,
  body: (error, request) => ({
    ...kadalError(error, request.id),
    ...(error.code === 'invalid-request' && { message: 'Invalid request format' }),
  }),
}
