import { Agent } from 'undici'
import type { Message } from '#contracts/index.ts'
import type { Endpoint, ModelCall, ModelPart, Provider, ProviderIo, Timeouts } from './spec.ts'

/** Long enough never to matter on a busy machine. */
export const patient: Timeouts = { connectMs: 10_000, firstPartMs: 10_000, betweenPartsMs: 10_000, wholeMs: 10_000 }
/** Short enough to wait for. */
export const impatient: Timeouts = { connectMs: 150, firstPartMs: 150, betweenPartsMs: 150, wholeMs: 150 }

/** A call that says `Hello` unless told otherwise. */
export function callOf(endpoint: Endpoint, fields: Partial<ModelCall> = {}): ModelCall {
  return {
    endpoint,
    model: 'sim-large',
    messages: [user('Hello')],
    sampling: {},
    tools: [],
    options: {},
    whole: false,
    ...fields,
  }
}

export function user(text: string): Message {
  return { role: 'user', parts: [{ type: 'text', text }] }
}

export interface TestIo extends ProviderIo {
  controller: AbortController
  dispatcher: Agent
}

export function testIo(timeouts: Timeouts = patient): TestIo {
  const controller = new AbortController()
  return { controller, signal: controller.signal, dispatcher: new Agent({ connect: { timeout: 2_000 } }), timeouts }
}

/** All parts of a call, and what it threw after them. */
export async function collect(
  provider: Provider,
  call: ModelCall,
  io: ProviderIo,
): Promise<{ parts: ModelPart[]; error?: unknown }> {
  const parts: ModelPart[] = []
  try {
    for await (const batch of provider.streamModel(call, io)) parts.push(...batch)
    return { parts }
  } catch (error) {
    return { parts, error }
  }
}

/** Joined text of one kind of part. */
export function joined(parts: readonly ModelPart[], type: 'text' | 'reasoning' | 'refusal'): string {
  return parts.map((part) => (part.type === type ? part.text : '')).join('')
}

/** Parts with neighbouring deltas of the same kind put together: what does not depend on how bytes were cut. */
export function merged(parts: readonly ModelPart[]): ModelPart[] {
  const whole: ModelPart[] = []
  for (const part of parts) {
    const last = whole.at(-1)
    const same = last?.type === part.type
    if (same && last?.type === 'text' && part.type === 'text' && !part.logprobs && !last.logprobs)
      whole[whole.length - 1] = { ...last, text: last.text + part.text }
    else if (same && last?.type === 'reasoning' && part.type === 'reasoning')
      whole[whole.length - 1] = { ...last, text: last.text + part.text }
    else if (same && last?.type === 'tool-input-delta' && part.type === 'tool-input-delta' && last.index === part.index)
      whole[whole.length - 1] = { ...last, text: last.text + part.text }
    else whole.push(part)
  }
  return whole
}
