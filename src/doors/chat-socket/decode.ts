import type { TurnCommand } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import { isDeeperThan } from '#lib/depth.ts'
import { isStorable } from '#lib/text.ts'

/** What a client of /ws/chat may say. */
export type ClientFrame =
  | { type: 'chat'; content: string; applicationId?: string; chatId?: string; idempotencyKey?: string }
  | { type: 'typing' }
  | { type: 'ping' }
  | { type: 'cancel'; turnId?: string }
  | { type: 'command'; turnId: string; command: TurnCommand }
  | { type: 'resume'; turnId: string; after: number }

const longestId = 255

/** A frame's fields, not yet looked at. */
export type GivenFrame = Record<string, unknown>

/** What the client calls this frame, to know the answers to it by. Throws `invalid-request`. */
export function requestIdOf(given: GivenFrame): string | undefined {
  return optional(given, 'request_id')
}

/** What a frame asks. Throws `invalid-request` naming the field. */
export function decodeFrame(given: GivenFrame): ClientFrame {
  switch (given.type) {
    case 'chat':
    // The older name of it.
    case 'message': {
      const applicationId = filled(given, 'application_id')
      const chatId = filled(given, 'chat_id')
      const idempotencyKey = optional(given, 'idempotency_key')
      return {
        type: 'chat',
        content: content(given),
        ...(applicationId !== undefined && { applicationId }),
        ...(chatId !== undefined && { chatId }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      }
    }
    case 'typing':
      return { type: 'typing' }
    case 'ping':
      return { type: 'ping' }
    case 'cancel':
    case 'stop': {
      const turnId = optional(given, 'turn_id') ?? optional(given, 'message_id')
      return { type: 'cancel', ...(turnId !== undefined && { turnId }) }
    }
    case 'steer':
      return {
        type: 'command',
        turnId: required(given, 'turn_id'),
        command: { type: 'steer', parts: [{ type: 'text', text: content(given) }] },
      }
    case 'tool_result':
      return {
        type: 'command',
        turnId: required(given, 'turn_id'),
        command: {
          type: 'tool-result',
          callId: required(given, 'tool_call_id'),
          result: result(given.result),
          isError: given.ok === false,
        },
      }
    case 'resume':
      return { type: 'resume', turnId: required(given, 'turn_id'), after: cursor(given) }
    default:
      throw invalid('type', 'type must be one of chat, message, typing, ping, cancel, steer, tool_result, resume')
  }
}

function content(given: GivenFrame): string {
  if (typeof given.content !== 'string') throw invalid('content', 'content must be a string')
  if (given.content.trim() === '') throw invalid('content', 'content must not be empty')
  return given.content
}

const deepest = 128

function result(value: unknown): string {
  if (isDeeperThan(value, deepest)) throw invalid('result', 'result is nested too deeply')
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function cursor(given: GivenFrame): number {
  const { after = 0 } = given
  if (typeof after !== 'number' || !Number.isSafeInteger(after) || after < 0)
    throw invalid('after', 'after must be the seq of the last event you have seen')
  return after
}

function required(given: GivenFrame, field: string): string {
  const value = optional(given, field)
  if (value === undefined) throw invalid(field, `'${field}' field is required`, 'missing')
  return value
}

/** An id that a client has not got yet may be an empty text. */
function filled(given: GivenFrame, field: string): string | undefined {
  return given[field] === '' ? undefined : optional(given, field)
}

function optional(given: GivenFrame, field: string): string | undefined {
  const value = given[field]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '' || value.length > longestId)
    throw invalid(field, `${field} must be a string of 1 to ${longestId} characters`)
  if (!isStorable(value)) throw invalid(field, `${field} must not contain NUL or broken characters`)
  return value
}
