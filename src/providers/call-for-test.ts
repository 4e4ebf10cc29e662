import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Message } from '#contracts/index.ts'
import type { AppError } from '#errors/index.ts'
import { HttpClient } from '#lib/http-client/index.ts'
import type { EventReader } from './run-call.ts'
import type { Endpoint, ModelCall, ModelPart, Provider, ProviderIo, Timeouts } from './spec.ts'
import { sseDecoder } from './sse.ts'

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
  http: HttpClient
}

export function testIo(timeouts: Timeouts = patient): TestIo {
  const controller = new AbortController()
  return { controller, signal: controller.signal, http: new HttpClient(), timeouts }
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

/** What a reader makes of an answer's bytes, with the error as the last element. */
export function readAnswer(reader: EventReader, chunks: readonly Uint8Array[]): unknown[] {
  const parts: ModelPart[] = []
  const decoder = sseDecoder((data, event) => {
    if (!reader.done) reader.readEvent(data, event, parts)
  })
  try {
    for (const chunk of chunks) decoder.push(chunk)
    parts.push(reader.finish())
    return merged(parts)
  } catch (error) {
    return [...merged(parts), (error as AppError).code]
  }
}

/** A fixture's bytes. `folder`: the test's `import.meta.dirname`. */
export function fixture(folder: string, name: string): Buffer {
  return readFileSync(join(folder, '__fixtures__', name))
}

export function fixtureNames(folder: string): string[] {
  return readdirSync(join(folder, '__fixtures__'))
}

/** The property that cutting the bytes anywhere, once or often, changes nothing. */
export function expectTearable(bytes: Buffer, read: (chunks: readonly Uint8Array[]) => unknown): void {
  const whole = read([bytes])
  for (let at = 1; at < bytes.length; at++) expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
  const places = fc.array(fc.nat(bytes.length), { maxLength: 40 }).map((list) => list.sort((a, b) => a - b))
  fc.assert(
    fc.property(places, (cuts) => {
      const ends = [...cuts, bytes.length]
      const chunks = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
      expect(read(chunks)).toEqual(whole)
    }),
    { numRuns: 50 },
  )
}
