import type { AppError } from '#errors/index.ts'
import type { Fields } from './codec.ts'
import { errorFrame } from './errors.ts'
import { closingChunk, messageFrame } from './message.ts'

/** A message that no turn came of ends as an answer ends, so that nobody waits for one. `given` is the message. */
export function refusedAnswer(error: AppError, given: Fields): Fields[] {
  const where = { thread_id: nameIn(given.thread_id), workflow_id: nameIn(given.workflow_id) }
  const requestId = nameIn(given.request_id)
  const told = errorFrame(error, { ...where, ...(requestId !== null && { request_id: requestId }) })
  const closing = closingChunk(where)
  if (where.workflow_id !== null) return [{ ...told, message: `Error processing workflow: ${told.message}` }, closing]
  return [told, closing, messageFrame({ ...where, content: told.message })]
}

/** A name as the client gave it, where it may be told again. */
function nameIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= 255 ? value : null
}
