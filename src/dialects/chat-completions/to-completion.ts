import { logprobsOf, type Part, partsOf, type TurnState, textOf } from '#contracts/index.ts'
import { annotation, clientCalls, completionId, extra, finishReason, toolCallsOf, usageText } from './vocabulary.ts'

/**
 * A finished turn → the JSON text of its `chat.completion` object. `createdAt` in unix ms; `sessionId` is the application API's. Failed turns do not come here.
 * Most answers are one text, and of those only the text has to be looked at to be written.
 */
export function toCompletion(
  turn: { id: string; model: string; createdAt: number },
  state: TurnState,
  options: { legacyFunctions: boolean; sessionId?: string },
): string {
  const parts = partsOf(state)
  const logprobs = logprobsOf(state)
  const [only] = parts
  const message =
    parts.length === 1 && only?.type === 'text'
      ? `{"role":"assistant","content":${JSON.stringify(only.text)},"refusal":null,"annotations":[]}`
      : JSON.stringify(toMessage(parts, options.legacyFunctions))
  const choice = `{"index":0,"message":${message},"logprobs":${
    logprobs ? JSON.stringify({ content: logprobs, refusal: null }) : 'null'
  },"finish_reason":"${finishReason(state.finishReason ?? 'stop', options.legacyFunctions)}"}`
  return `{"id":"${completionId(turn.id)}","object":"chat.completion","created":${Math.floor(turn.createdAt / 1000)},"model":${JSON.stringify(
    turn.model,
  )},"choices":[${choice}],"usage":${usageText(state.usage)}${extra('system_fingerprint', state.systemFingerprint)}${extra('service_tier', state.serviceTier)}${extra('session_id', options.sessionId)}}`
}

function toMessage(parts: Part[], legacyFunctions: boolean) {
  const text = textOf(parts.filter((part) => part.type === 'text'))
  const refusal = textOf(parts.filter((part) => part.type === 'refusal'))
  const reasoning = parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join('')
  const audio = parts.find((part) => part.type === 'audio')
  const calls = clientCalls(parts)
  const message: Record<string, unknown> = {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== '' || audio !== undefined) ? null : text,
    refusal: refusal === '' ? null : refusal,
    annotations: annotationsOf(parts),
  }
  if (reasoning !== '') message.reasoning_content = reasoning
  if (audio?.type === 'audio')
    message.audio = {
      id: audio.id ?? '',
      data: audio.data,
      expires_at: audio.expiresAt ?? 0,
      transcript: audio.transcript ?? '',
    }
  const [first] = calls
  if (first && legacyFunctions) message.function_call = { name: first.name, arguments: first.arguments }
  else if (first) message.tool_calls = toolCallsOf(calls)
  return message
}

function annotationsOf(parts: Part[]): object[] {
  return parts.flatMap((part) => (part.type === 'source' ? (annotation(part.source) ?? []) : []))
}
