import type { Envelope, TurnEnd, TurnEvent, TurnState } from '#contracts/index.ts'
import { usageObject } from '#dialects/chat-completions/index.ts'
import type { Fields, Frame } from './codec.ts'
import { errorFrame } from './errors.ts'
import { answerContent, argsOf, closingChunk, jsonOf, messageFrame, outputContent, sourcesOf } from './message.ts'
import { runFrames } from './run-frames.ts'

/** What a turn is to the client it is shown to. */
export interface About {
  turnId: string
  model: string
  /** The conversation, as this client calls it. */
  threadId: string | null
  /** The workflow, as this client calls it; null where it named none. */
  workflowId: string | null
  /** The client is asked to run its tools: it began this turn, or took it up again. */
  runsTools: boolean
  requestId?: string
}

/**
 * Turn events → frames of /chat (CONTRACTS §2.4, §2.5). `state` is the finished turn, given with the batch that has the end.
 * Otherwise a pure function of the events.
 *
 * Every frame has `turn_id` and `seq`. `seq` is a cursor: what to give to `resume` to get what follows. Where an event makes
 * several frames only the last one moves it, so that a connection lost between two of them loses neither.
 */
export function frameEncoder(about: About) {
  const { turnId } = about
  /** Who runs a call's tool; unknown for calls before the cursor. */
  const serverCalls = new Set<string>()
  const heads = new Map<string, Fields>()
  const outputs = new Map<string, unknown>()
  let provider: string | null = null
  let run: { workflowId: string } | undefined

  return function encode(envelope: Envelope, state: TurnState | undefined): Frame[] {
    const { event, seq } = envelope
    switch (event.type) {
      // A piece of text is most of what is sent: nothing else is made for it.
      case 'text-delta':
      case 'refusal-delta':
        return event.text === '' ? [] : [{ head: headOf(envelope, event.part, false), content: event.text, seq }]
      case 'reasoning-delta':
        return event.text === '' ? [] : [{ head: headOf(envelope, event.part, true), content: event.text, seq }]
    }
    const frames = framesOf(envelope, state)
    return frames.map((frame, index) => ({
      ...frame,
      turn_id: turnId,
      seq: index < frames.length - 1 ? seq - 1 : seq,
    }))
  }

  function framesOf(envelope: Envelope, state: TurnState | undefined): Fields[] {
    const { event } = envelope
    if (event.type === 'run-start') run = { workflowId: event.workflowId }
    if (event.type === 'node-output') outputs.set(event.name, event.value)
    if (event.type === 'run-end' && event.result) for (const name in event.result) outputs.set(name, event.result[name])
    const isRun = run !== undefined || envelope.path.length > 0
    const isTool = event.type === 'tool-call' || event.type === 'tool-result'
    const updates = isTool && !isRun ? undefined : runFrames(envelope, { ...where(), job_id: turnId })
    if (updates) return event.type === 'tool-call' ? [...updates, ...asked(event)] : updates
    switch (event.type) {
      case 'turn-start':
        // It says nothing; whoever loses the connection before the first word knows from it what to resume.
        return [{ ...chunk(envelope, false), content: '', ...request() }]
      case 'model-start':
        provider = event.upstream
        return []
      case 'audio-delta': {
        const { id, format, transcript, expiresAt } = event
        const metadata = { id, format, transcript, expires_at: expiresAt }
        return [
          {
            ...chunk(envelope, false),
            content_type: 'audio',
            content: event.text,
            content_metadata: withoutAbsent(metadata),
            part: event.part,
          },
        ]
      }
      case 'thought':
        return [{ ...chunk(envelope, true), content: event.content }]
      case 'part-reset':
        return event.kind === 'tool-input'
          ? []
          : [
              {
                ...chunk(envelope, event.kind === 'reasoning'),
                type: 'chunk_reset',
                content_type: event.kind === 'audio' ? 'audio' : 'text',
                content: event.text,
                part: event.part,
              },
            ]
      case 'tool-call':
        return [callMessage(envelope, event), ...asked(event)]
      case 'tool-result':
        return resultFrames(envelope, event)
      case 'turn-end':
        return endFrames(envelope, event, state)
      default:
        return []
    }
  }

  function where() {
    return { thread_id: about.threadId, workflow_id: about.workflowId ?? run?.workflowId ?? null }
  }

  function ofRun() {
    return run ? { ...where(), job_id: turnId } : where()
  }

  function request() {
    return about.requestId === undefined ? {} : { request_id: about.requestId }
  }

  function chunk({ path }: Envelope, thinking: boolean): Fields {
    return { ...closingChunk(ofRun()), node_id: path[0] ?? null, done: false, thinking }
  }

  function headOf(envelope: Envelope, part: number, thinking: boolean): Fields {
    const name = envelope.path.length === 0 ? `${part}` : `${part} ${envelope.path[0]}`
    let head = heads.get(name)
    if (!head) {
      const { content: _, ...fields } = chunk(envelope, thinking)
      head = { ...fields, part, turn_id: turnId }
      heads.set(name, head)
    }
    return head
  }

  function message(envelope: Envelope, id: string, more: Fields): Fields {
    const created_at = new Date(envelope.at).toISOString()
    return messageFrame({ id: `${turnId}:${id}`, ...where(), provider, model: about.model, created_at, ...more })
  }

  function callMessage(envelope: Envelope, event: Extract<TurnEvent, { type: 'tool-call' }>): Fields {
    const call = { id: event.callId, name: event.name, args: argsOf(event.arguments), result: null, message: '' }
    return message(envelope, `call:${event.callId}`, { tool_calls: [call] })
  }

  /** The call as a question to the client; for tools of the server, as a piece of news. */
  function asked(event: Extract<TurnEvent, { type: 'tool-call' }>): Fields[] {
    if (event.side === 'server') serverCalls.add(event.callId)
    else if (!about.runsTools) return []
    const { callId, name, side } = event
    const args = argsOf(event.arguments)
    const older = { tool_call: { id: callId, name, args } }
    return [{ type: 'tool_call', tool_call_id: callId, id: callId, name, args, side, ...older, ...where() }]
  }

  function resultFrames(envelope: Envelope, event: Extract<TurnEvent, { type: 'tool-result' }>): Fields[] {
    const { callId, name, isError } = event
    const result = jsonOf(event.result)
    const frames = [
      message(envelope, `result:${callId}`, {
        role: 'tool',
        name,
        tool_call_id: callId,
        content: JSON.stringify(result),
      }),
    ]
    // The client's own results are no news to it.
    if (!serverCalls.delete(callId)) return frames
    const failed = isError ? { error: event.result } : {}
    // One client reads `result.name`, another shows `result` whatever it is.
    const told = { type: 'tool_result', tool_call_id: callId, id: callId, name, result: { name, result }, ...failed }
    return [...frames, { ...told, ...where() }]
  }

  function endFrames(envelope: Envelope, event: TurnEnd, state: TurnState | undefined): Fields[] {
    const usage = { ...usageObject(event.usage), estimated: event.usage.estimated, cost_usd: event.costMicros / 1e6 }
    const closing = closingChunk({ ...ofRun(), status: event.outcome, usage })
    if (event.outcome === 'cancelled')
      return [closing, { type: 'generation_stopped', message: stoppedMessage, ...where(), job_id: turnId }]
    const text = answerContent(state)
    if (event.error) {
      const kept = event.error.details?.keptSeq
      const error = errorFrame(event.error, { ...ofRun(), ...(kept !== undefined && { kept_seq: kept }) })
      if (run) return [{ ...error, message: `Error processing workflow: ${error.message}` }, closing]
      const said = typeof text === 'string' && text !== '' ? `${text}\n\n` : ''
      return [error, closing, message(envelope, 'answer', { content: `${said}${error.message}` })]
    }
    const content = run && outputs.size > 0 ? outputContent(outputs.values()) : text
    const sources = sourcesOf(state)
    return [closing, message(envelope, 'answer', { content, ...(sources.length > 0 && { sources }) })]
  }
}

export const stoppedMessage = 'Generation stopped by user'

function withoutAbsent(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
