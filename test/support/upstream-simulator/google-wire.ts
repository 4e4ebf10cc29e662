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
  stop: 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
}

/** generateContent and streamGenerateContent?alt=sse. A tool call is one piece; a refusal is told as text. */
export function googleWire(context: WireContext): Wire {
  const base = { modelVersion: context.model, responseId: `sim-${context.number}` }

  function frame(parts: object[], finish?: string, tokens?: WireTokens): string {
    const content = { content: { parts, role: 'model' }, ...(finish && { finishReason: finish }), index: 0 }
    return data({ candidates: [content], ...(tokens && { usageMetadata: toUsage(tokens) }), ...base })
  }

  return {
    open: () => '',
    move: (move) => [frame([toPart(move)])],
    close({ finish, tokens, twice }) {
      const last = frame([{ text: '' }], finishes[finish], tokens)
      return twice ? frame([{ text: '' }], undefined, tokens) + last : last
    },
    whole(moves, ending) {
      const content = { parts: moves.map(toPart), role: 'model' }
      return { candidates: [{ content, finishReason: finishes[ending.finish], index: 0 }], ...usageOf(ending), ...base }
    },
    error: () => data({ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }),
    malformed: () => 'data: {"candidates": [{"content": {"parts": [{"te\r\n\r\n',
  }
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\r\n\r\n`
}

function toPart(move: Move): object {
  if ('reasoning' in move) return { text: move.reasoning, thought: true }
  if (!('toolCall' in move)) return { text: 'text' in move ? move.text : move.refusal }
  const { id, name, signature } = move.toolCall
  const args = JSON.parse(argumentDeltas(move.toolCall).join('') || '{}') as unknown
  return { functionCall: { ...(id && { id }), name, args }, ...(signature && { thoughtSignature: signature }) }
}

function usageOf({ tokens }: Ending): object {
  return tokens ? { usageMetadata: toUsage(tokens) } : {}
}

function toUsage({ input, output, cached, reasoning = 0 }: WireTokens): object {
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - reasoning,
    totalTokenCount: input + output,
    ...(reasoning > 0 && { thoughtsTokenCount: reasoning }),
    ...(cached !== undefined && { cachedContentTokenCount: cached }),
  }
}
