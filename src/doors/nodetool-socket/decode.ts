import type { Part, ToolSpec } from '#contracts/index.ts'
import { invalid } from '#errors/index.ts'
import type { Fields } from './codec.ts'
import { contentParts } from './decode-message.ts'
import { optionalId, requiredId, textOfValue } from './fields.ts'
import { decodeManifest } from './manifest.ts'

/** What a client of /chat may ask. A message and a command's data are read by those who answer them. */
export type Asked =
  | { type: 'message'; given: Fields }
  | { type: 'command'; command: unknown; data: unknown }
  | { type: 'ping' }
  | { type: 'pong' }
  | { type: 'stop'; turnId?: string; threadId?: string }
  | { type: 'manifest'; tools: Map<string, ToolSpec> }
  | { type: 'tool-result'; callId: string; turnId?: string; result: string; isError: boolean }
  | { type: 'resume'; turnId: string; after: number }
  | { type: 'steer'; turnId?: string; parts: Part[] }
  /** None of these: NodeTool has a word for that. */
  | { type: 'unknown' }

/** One frame → what it asks. Throws `invalid-request` naming the field. */
export function decodeFrame(frame: Fields): Asked {
  if ('command' in frame) return { type: 'command', command: frame.command, data: frame.data }
  switch (frame.type) {
    case 'ping':
    case 'pong':
      return { type: frame.type }
    case 'stop': {
      const turnId = optionalId(frame, 'turn_id')
      const threadId = optionalId(frame, 'thread_id')
      return { type: 'stop', ...(turnId !== undefined && { turnId }), ...(threadId !== undefined && { threadId }) }
    }
    case 'client_tools_manifest':
      return { type: 'manifest', tools: decodeManifest(frame) }
    case 'tool_result': {
      const turnId = optionalId(frame, 'turn_id')
      const isError = frame.ok === false
      return {
        type: 'tool-result',
        callId: requiredId(frame, 'tool_call_id'),
        ...(turnId !== undefined && { turnId }),
        result: textOfValue(isError ? (frame.error ?? frame.result) : frame.result),
        isError,
      }
    }
    case 'resume':
      return { type: 'resume', turnId: requiredId(frame, 'turn_id'), after: cursor(frame) }
    case 'steer': {
      const turnId = optionalId(frame, 'turn_id')
      const parts = contentParts(frame.content)
      if (parts.length === 0) throw invalid('content', 'content must not be empty')
      return { type: 'steer', ...(turnId !== undefined && { turnId }), parts }
    }
    case 'message':
      return { type: 'message', given: frame }
  }
  if (frame.role !== undefined) return { type: 'message', given: frame }
  if (frame.type === undefined) return { type: 'unknown' }
  throw invalid(
    'type',
    'type must be one of message, stop, ping, client_tools_manifest, tool_result, resume, steer; or send a command',
  )
}

/** The `seq` of the last frame seen, of a turn; 0 shows all of it. */
export function cursor(given: Fields): number {
  const after = given.after ?? 0
  if (typeof after !== 'number' || !Number.isSafeInteger(after) || after < 0)
    throw invalid('after', 'after must be the seq of the last frame you have seen')
  return after
}
