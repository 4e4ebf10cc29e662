import {
  argumentDeltas,
  type Ending,
  type Finish,
  type Move,
  type Wire,
  type WireContext,
  type WireTokens,
} from './wires.ts'

const stops: Record<Finish, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
}

/** The Messages API. A refusal is told as text: the protocol has no word for it but the stop reason. */
export function anthropicWire(context: WireContext): Wire {
  const message = { id: `msg_sim_${context.number}`, type: 'message', role: 'assistant', model: context.model }
  let open: 'text' | 'thinking' | undefined
  let block = -1
  let calls = 0

  function start(kind: string, contentBlock: object): string {
    block++
    return event('content_block_start', { index: block, content_block: { type: kind, ...contentBlock } })
  }
  function delta(value: object): string {
    return event('content_block_delta', { index: block, delta: value })
  }
  function stop(): string {
    if (open === undefined) return ''
    const proof = open === 'thinking' ? delta({ type: 'signature_delta', signature: context.signature }) : ''
    open = undefined
    return proof + event('content_block_stop', { index: block })
  }

  return {
    open() {
      const usage = context.tokens ? { usage: startUsage(context.tokens) } : {}
      const start = { ...message, content: [], stop_reason: null, stop_sequence: null, ...usage }
      return event('message_start', { message: start }) + event('ping', {})
    },
    move(move) {
      if ('toolCall' in move) {
        const { id = `toolu_sim_${++calls}`, name } = move.toolCall
        const head = stop() + start('tool_use', { id, name, input: {} })
        const inputs = argumentDeltas(move.toolCall).map((text) =>
          delta({ type: 'input_json_delta', partial_json: text }),
        )
        return [head, ...inputs, event('content_block_stop', { index: block })]
      }
      const kind = 'reasoning' in move ? 'thinking' : 'text'
      const empty = kind === 'thinking' ? { thinking: '', signature: '' } : { text: '' }
      const head = open === kind ? '' : stop() + start(kind, empty)
      open = kind
      if ('reasoning' in move) return [head + delta({ type: 'thinking_delta', thinking: move.reasoning })]
      return [head + delta({ type: 'text_delta', text: 'text' in move ? move.text : move.refusal })]
    },
    close({ finish, tokens, twice }) {
      const usage = tokens ? { usage: { output_tokens: tokens.output } } : {}
      const last = event('message_delta', { delta: { stop_reason: stops[finish], stop_sequence: null }, ...usage })
      return stop() + last + (twice ? last : '') + event('message_stop', {})
    },
    whole(moves, ending) {
      const usage = ending.tokens ? { usage: wholeUsage(ending.tokens) } : {}
      return { ...message, content: toBlocks(moves, context), ...stopOf(ending), ...usage }
    },
    error: () => event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
    malformed: () => 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n',
  }
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

function stopOf({ finish }: Ending): object {
  return { stop_reason: stops[finish], stop_sequence: null }
}

function toBlocks(moves: readonly Move[], context: WireContext): object[] {
  const text = moves.map((move) => ('text' in move ? move.text : 'refusal' in move ? move.refusal : '')).join('')
  const thinking = moves.map((move) => ('reasoning' in move ? move.reasoning : '')).join('')
  const calls = moves.flatMap((move) => ('toolCall' in move ? [move.toolCall] : []))
  return [
    ...(thinking === '' ? [] : [{ type: 'thinking', thinking, signature: context.signature }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...calls.map((call, at) => ({
      type: 'tool_use',
      id: call.id ?? `toolu_sim_${at + 1}`,
      name: call.name,
      input: JSON.parse(argumentDeltas(call).join('') || '{}') as unknown,
    })),
  ]
}

function startUsage(tokens: WireTokens): object {
  return { ...inputUsage(tokens), output_tokens: 1 }
}

function wholeUsage(tokens: WireTokens): object {
  return { ...inputUsage(tokens), output_tokens: tokens.output }
}

function inputUsage({ input, cached = 0 }: WireTokens): object {
  return { input_tokens: input - cached, cache_creation_input_tokens: 0, cache_read_input_tokens: cached }
}
