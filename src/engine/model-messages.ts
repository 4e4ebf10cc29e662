import type { Message, Part } from '#contracts/index.ts'

/**
 * Stored messages → what a model reads. An assistant message may hold a whole turn (text, tool calls, results, inputs
 * that arrived meanwhile); a model wants these as messages of their own, every call followed by its result.
 * Citations are dropped; a call without a result gets one that says so, a result without a call is dropped.
 */
export function toModelMessages(messages: readonly Message[]): Message[] {
  const out: Message[] = []
  for (const message of messages) {
    if (message.role === 'assistant') unfold(message, out)
    else out.push(message)
  }
  return mended(out)
}

function unfold(message: Message, out: Message[]): void {
  let own: Part[] = []
  let results: Part[] = []
  const flush = () => {
    if (own.length > 0) out.push({ ...message, parts: own })
    if (results.length > 0) out.push({ role: 'tool', parts: results })
    own = []
    results = []
  }
  for (const part of message.parts) {
    if (part.type === 'source') continue
    if (part.type === 'tool-result') results.push(part)
    else if (part.type === 'input') {
      flush()
      out.push({ role: 'user', parts: part.parts })
    } else {
      // What a model says after it has read results is its next message.
      if (results.length > 0) flush()
      own.push(part)
    }
  }
  flush()
}

/** Upstreams refuse a tool call that is not answered before the next message, and an answer to nothing. */
function mended(messages: Message[]): Message[] {
  const out: Message[] = []
  let open = new Map<string, string>()
  const answerOpen = () => {
    if (open.size === 0) return
    const parts: Part[] = [...open].map(([callId, name]) => ({
      type: 'tool-result',
      callId,
      name,
      result: 'No result was given.',
      isError: true,
    }))
    open = new Map()
    const last = out.at(-1)
    if (last?.role === 'tool') out[out.length - 1] = { ...last, parts: [...last.parts, ...parts] }
    else out.push({ role: 'tool', parts })
  }
  for (const message of messages) {
    if (message.role === 'tool') {
      const known = message.parts.filter((part) => part.type === 'tool-result' && open.delete(part.callId))
      if (known.length > 0) out.push(known.length === message.parts.length ? message : { ...message, parts: known })
      continue
    }
    answerOpen()
    out.push(message)
    if (message.role === 'assistant')
      for (const part of message.parts) if (part.type === 'tool-call') open.set(part.callId, part.name)
  }
  answerOpen()
  return out
}
