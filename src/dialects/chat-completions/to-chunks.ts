import type { TurnEvent } from '#contracts/index.ts'
import { annotation, completionId, extra, finishReason, usageObject } from './vocabulary.ts'

export interface ChunkOptions {
  /** Ends the stream with a chunk that has the usage and no choices. */
  includeUsage: boolean
  legacyFunctions: boolean
}

/**
 * Turn events → `chat.completion.chunk` objects as JSON, one string a chunk. The result for an event depends on the
 * events before it (roles and tool indices), never on time or chance: the same turn gives the same bytes.
 * A failed turn gives no finish chunk: how it ends belongs to the door.
 */
export function chunkEncoder(turn: { id: string; model: string; createdAt: number }, options: ChunkOptions) {
  const created = Math.floor(turn.createdAt / 1000)
  const head = `{"id":${JSON.stringify(completionId(turn.id))},"object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(turn.model)}`
  const before = `${head},"choices":[{"index":0,"delta":`
  const after = ',"logprobs":null,"finish_reason":null}]}'
  const toolIndex = new Map<number, number>()
  let begun = false
  /** What only the end of the answer tells of the upstream: in OpenAI's own stream every chunk has it, here the last ones. */
  let upstream = ''

  const chunk = (delta: object) => before + JSON.stringify(delta) + after

  function encode(event: TurnEvent): string[] {
    const body = encodeBody(event)
    if (begun || body.length === 0) return body
    begun = true
    // An answer that begins with a call has no text, as in whole answers, unless some comes later.
    const content = event.type === 'part-start' ? null : ''
    return [chunk({ role: 'assistant', content, refusal: null }), ...body]
  }

  function encodeBody(event: TurnEvent): string[] {
    switch (event.type) {
      case 'text-delta':
        if (event.logprobs)
          return [
            `${before}{"content":${JSON.stringify(event.text)}},"logprobs":${JSON.stringify({ content: event.logprobs, refusal: null })},"finish_reason":null}]}`,
          ]
        // The hot line of the whole server: one stringified text between two constants.
        return [`${before}{"content":${JSON.stringify(event.text)}}${after}`]
      case 'reasoning-delta':
        return [chunk({ reasoning_content: event.text })]
      case 'refusal-delta':
        return [chunk({ refusal: event.text })]
      case 'audio-delta': {
        const { id, text, transcript, expiresAt } = event
        return [chunk({ audio: { id, data: text, transcript, expires_at: expiresAt } })]
      }
      case 'part-start':
        return event.kind === 'tool-input' && event.side !== 'server' ? startTool(event) : []
      case 'tool-input-delta': {
        const index = toolIndex.get(event.part)
        if (index === undefined || isUnsayable(index)) return []
        return [
          chunk(
            options.legacyFunctions
              ? { function_call: { arguments: event.text } }
              : { tool_calls: [{ index, function: { arguments: event.text } }] },
          ),
        ]
      }
      case 'source': {
        const citation = annotation(event.source)
        return citation ? [chunk({ annotations: [citation] })] : []
      }
      case 'model-end':
        upstream = extra('system_fingerprint', event.systemFingerprint) + extra('service_tier', event.serviceTier)
        return []
      case 'turn-end': {
        if (event.outcome !== 'completed' && event.outcome !== 'paused') return []
        const reason = JSON.stringify(finishReason(event.finishReason, options.legacyFunctions))
        const out = [`${before}{},"logprobs":null,"finish_reason":${reason}}]${upstream}}`]
        if (options.includeUsage)
          out.push(`${head},"choices":[],"usage":${JSON.stringify(usageObject(event.usage))}${upstream}}`)
        return out
      }
      default:
        return []
    }
  }

  function startTool(event: Extract<TurnEvent, { type: 'part-start' }>): string[] {
    const index = toolIndex.size
    toolIndex.set(event.part, index)
    if (isUnsayable(index)) return []
    return [
      chunk(
        options.legacyFunctions
          ? { function_call: { name: event.name, arguments: '' } }
          : {
              tool_calls: [
                { index, id: event.callId, type: 'function', function: { name: event.name, arguments: '' } },
              ],
            },
      ),
    ]
  }

  /** An answer of the older API has one `function_call`: of several only the first can be told, as in whole answers. */
  function isUnsayable(index: number): boolean {
    return options.legacyFunctions && index > 0
  }

  return encode
}
