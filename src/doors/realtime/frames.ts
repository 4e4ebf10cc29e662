import { streamingCode } from '#dialects/streaming-code.ts'
import { type AppError, invalid, toAppError } from '#errors/index.ts'
import { isStorable } from '#lib/text.ts'
import { parseJsonObject } from '../gate/sockets/index.ts'

export type Fields = Record<string, unknown>

const longestId = 255

/** A text frame → the object in it. Throws `invalid-request` naming the field `frame`. */
export function readFrame(data: string | Buffer): Fields {
  if (typeof data !== 'string') throw invalid('frame', 'Frames must be JSON text', 'malformed')
  return parseJsonObject(data)
}

/** An id or the like. Throws `invalid-request` naming the field. */
export function required(given: Fields, field: string): string {
  const value = optional(given, field)
  if (value === undefined) throw invalid(field, `'${field}' field is required`, 'missing')
  return value
}

export function optional(given: Fields, field: string): string | undefined {
  const value = given[field]
  return value === undefined || value === null ? undefined : readId(field, value)
}

export function readId(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > longestId)
    throw invalid(field, `${field} must be a string of 1 to ${longestId} characters`)
  if (!isStorable(value)) throw invalid(field, `${field} must not contain NUL or broken characters`)
  return value
}

/** CONTRACTS §1.2: message and code at the top and in `data`, as on the chat socket. */
export function errorFrame(error: AppError, timestamp: string): string {
  const code = streamingCode(error.code)
  const message = error.code === 'internal' ? 'Internal server error' : error.message
  const field = error.details?.field
  const told = { message, code, ...(field !== undefined && { field }) }
  return JSON.stringify({ type: 'error', ...told, data: told, timestamp })
}

export function pongFrame(timestamp: string): string {
  return JSON.stringify({ type: 'pong', timestamp })
}

/** What was thrown while a frame was handled, as an AppError; our own fault is logged. */
export function frameFault(thrown: unknown, log: { error(fields: object, message: string): void }): AppError {
  const error = toAppError(thrown)
  if (error.code === 'internal') log.error({ err: error.cause ?? error }, 'a socket frame failed')
  return error
}
