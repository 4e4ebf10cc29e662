import type { Message, Part } from '#contracts/index.ts'

export type ToolCallPart = Extract<Part, { type: 'tool-call' }>
export type ToolResultPart = Extract<Part, { type: 'tool-result' }>

/** A conversation as every upstream wants it: who speaks changes with the item, and calls and results are paired. */
export type Speech = { role: 'system' | 'user'; parts: Part[]; name?: string } | AssistantSpeech

export interface AssistantSpeech {
  role: 'assistant'
  /** All but tool calls and results. */
  parts: Part[]
  calls: ToolCallPart[]
  /** One for each of `calls`, in the same order. */
  results: ToolResultPart[]
  name?: string
}

const noResult = 'No result: this call was not carried out.'

/**
 * Stored messages → speeches. A stored answer may hold several steps (text, calls, results, text again): it is cut
 * behind its results. Upstreams refuse a call without a result and a result without a call, so a call that has none is
 * given an error result, a result is moved to its call, and one without any call becomes text of the user.
 */
export function toSpeeches(messages: readonly Message[]): Speech[] {
  const steps = messages.flatMap(cut)
  const speeches: Speech[] = []
  const taken = new Set<ToolResultPart>()
  const known = new Set<string>()
  for (const { parts } of steps) for (const part of parts) if (part.type === 'tool-call') known.add(part.callId)
  const used = new Set<string>()
  for (const [at, step] of steps.entries()) {
    const named = step.name === undefined ? undefined : { name: step.name }
    if (step.role === 'assistant') {
      const given = step.parts.filter((part) => part.type === 'tool-call')
      const found = given.map((call) => takeResult(call, steps.slice(at + 1), taken, known))
      const ids = given.map(({ callId }) => unusedId(callId, used))
      const calls = given.map((call, index) => withId(call, ids[index]!))
      const results = found.map((result, index) => withId(result, ids[index]!))
      const parts = step.parts.filter((part) => part.type !== 'tool-call')
      speeches.push({ role: 'assistant', parts, calls, results, ...named })
    } else if (step.role === 'tool') {
      const orphans = step.parts.filter((part) => part.type === 'tool-result' && !taken.has(part)) as ToolResultPart[]
      if (orphans.length > 0) speeches.push({ role: 'user', parts: orphans.map(asText) })
    } else speeches.push({ role: step.role, parts: step.parts, ...named })
  }
  return speeches
}

function cut(message: Message): Message[] {
  if (message.role !== 'assistant' && message.role !== 'tool')
    return [
      message.parts.some(isSource) ? { ...message, parts: message.parts.filter((part) => !isSource(part)) } : message,
    ]
  const steps: Message[] = []
  for (const part of message.parts) {
    if (isSource(part)) continue
    const role = part.type === 'tool-result' ? 'tool' : part.type === 'input' ? 'user' : 'assistant'
    const last = steps.at(-1)
    if (last && last.role === role) last.parts.push(...(part.type === 'input' ? part.parts : [part]))
    else steps.push({ role, parts: part.type === 'input' ? [...part.parts] : [part] })
  }
  return steps.map((step) =>
    step.role === message.role && message.name !== undefined ? { ...step, name: message.name } : step,
  )
}

function isSource(part: Part): boolean {
  return part.type === 'source'
}

/**
 * `known`: the ids of all calls. A result of the older API names no call but only its function: it is that of the last
 * call of this function before it.
 */
function takeResult(
  call: ToolCallPart,
  later: readonly Message[],
  taken: Set<ToolResultPart>,
  known: ReadonlySet<string>,
): ToolResultPart {
  let isLast = true
  for (const { parts } of later) {
    for (const part of parts) {
      if (part.type === 'tool-call' && part.name === call.name) isLast = false
      if (part.type !== 'tool-result' || taken.has(part)) continue
      const isIts = part.callId === call.callId || (isLast && part.name === call.name && !known.has(part.callId))
      if (!isIts) continue
      taken.add(part)
      return part.name === undefined ? { ...part, name: call.name } : part
    }
  }
  return { type: 'tool-result', callId: call.callId, name: call.name, result: noResult, isError: true }
}

/** Some upstreams and older clients use an id again in a later answer; others refuse a conversation over it. */
function unusedId(callId: string, used: Set<string>): string {
  let id = callId
  for (let times = 2; used.has(id); times++) id = `${callId}_${times}`
  used.add(id)
  return id
}

function withId<T extends ToolCallPart | ToolResultPart>(part: T, callId: string): T {
  return part.callId === callId ? part : { ...part, callId }
}

function asText(result: ToolResultPart): Part {
  return { type: 'text', text: `Result of ${result.name ?? 'a tool'}:\n${result.result}` }
}
