import {
  argumentDeltas,
  type Ending,
  type Finish,
  type Move,
  type Wire,
  type WireContext,
  type WireTokens,
} from './wires.ts'

const finishes: Record<Finish, string> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
}

/** Chat completions. */
export function openAiWire(context: WireContext): Wire {
  const base = {
    id: `chatcmpl-sim-${context.number}`,
    created: 1_760_000_000,
    model: context.model,
    service_tier: 'default',
    system_fingerprint: 'fp_sim',
  }
  const options = context.body.stream_options as { include_usage?: boolean } | undefined
  let calls = 0

  function frame(delta: object, finish: string | null = null): string {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }]
    const usage = options?.include_usage ? { usage: null } : {}
    return data({ ...base, object: 'chat.completion.chunk', choices, ...usage })
  }

  return {
    open: () => frame({ role: 'assistant', content: '', refusal: null }),
    move(move) {
      if ('text' in move) return [frame({ content: move.text })]
      if ('refusal' in move) return [frame({ refusal: move.refusal })]
      if ('reasoning' in move) return [frame({ reasoning_content: move.reasoning })]
      const index = calls++
      const { id = `call_${calls}`, name } = move.toolCall
      const head = { index, id, type: 'function', function: { name, arguments: '' } }
      const deltas = argumentDeltas(move.toolCall)
      return [
        frame({ tool_calls: [head] }),
        ...deltas.map((text) => frame({ tool_calls: [{ index, function: { arguments: text } }] })),
      ]
    },
    close({ finish, tokens, twice }) {
      let frames = frame({}, finishes[finish])
      if (tokens && options?.include_usage) {
        const last = data({ ...base, object: 'chat.completion.chunk', choices: [], usage: toUsage(tokens) })
        frames += twice ? last + last : last
      }
      return `${frames}data: [DONE]\n\n`
    },
    whole(moves, ending) {
      return { ...base, object: 'chat.completion', choices: [toChoice(moves, ending)], ...usageOf(ending) }
    },
    error: () => data({ error: { message: 'The server had an error', type: 'server_error', param: null, code: null } }),
    malformed: () => 'data: {"id":"chatcmpl-sim","choices":[{"index":0,"delta":{"conte\n\n',
  }
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function toChoice(moves: readonly Move[], { finish }: Ending): object {
  const text = moves.map((move) => ('text' in move ? move.text : '')).join('')
  const reasoning = moves.map((move) => ('reasoning' in move ? move.reasoning : '')).join('')
  const refusal = moves.map((move) => ('refusal' in move ? move.refusal : '')).join('')
  const calls = moves.flatMap((move) => ('toolCall' in move ? [move.toolCall] : []))
  return {
    index: 0,
    message: {
      role: 'assistant',
      content: text === '' ? null : text,
      refusal: refusal === '' ? null : refusal,
      annotations: [],
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && {
        tool_calls: calls.map((call, at) => ({
          id: call.id ?? `call_${at + 1}`,
          type: 'function',
          function: { name: call.name, arguments: argumentDeltas(call).join('') },
        })),
      }),
    },
    logprobs: null,
    finish_reason: finishes[finish],
  }
}

function usageOf({ tokens }: Ending): object {
  return tokens ? { usage: toUsage(tokens) } : {}
}

function toUsage(tokens: WireTokens): object {
  return {
    prompt_tokens: tokens.input,
    completion_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
    prompt_tokens_details: { cached_tokens: tokens.cached ?? 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: tokens.reasoning ?? 0, audio_tokens: 0 },
  }
}
