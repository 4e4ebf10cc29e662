import { expect } from 'vitest'
import { type Asked, bearer, type World } from './world.ts'

/** One of the two doors that speak Chat Completions, and how it words a refusal. */
export interface ChatDoor {
  name: string
  /** The endpoint, and a body that is valid there. */
  url: string
  valid: Record<string, unknown>
  headers: Record<string, string>
  /** Expects the door's own error shape, with this status, naming `field`. */
  expectRefusal(answer: Asked, refusal: Refusal, about: string): void
}

export interface Refusal {
  /** What both doors agree on; a value out of range is 422 on the application API. */
  status: number
  field: string
}

export function chatDoors(caller: { key: string }, app: string): ChatDoor[] {
  const messages = [{ role: 'user', content: 'hello' }]
  return [
    {
      name: '/v1',
      url: '/v1/chat/completions',
      valid: { model: 'gpt-sim', messages },
      headers: bearer(caller.key),
      expectRefusal(answer, { status, field }, about) {
        const wanted = status === 422 ? 400 : status
        expect(answer.status, `${about}: ${answer.text}`).toBe(wanted)
        expect(Object.keys(answer.json.error).sort(), about).toEqual(['code', 'message', 'param', 'type'])
        expect(answer.json.error, about).toMatchObject({ type: 'invalid_request_error', param: field })
        expect(answer.json.error.message, about).not.toBe('')
      },
    },
    {
      name: '/api/v1',
      url: `/api/v1/chat/${app}/chat/completions`,
      valid: { messages },
      headers: bearer(caller.key),
      expectRefusal(answer, { status, field }, about) {
        expect(answer.status, `${about}: ${answer.text}`).toBe(status)
        expect(answer.json, about).toEqual({ data: null, status: 'error', code: status, message: expect.any(String) })
        expect(answer.json.message.toLowerCase(), about).toContain(field.toLowerCase())
      },
    },
  ]
}

/** Runs `work` and expects that it wrote nothing anywhere. */
export async function writingNothing<T>(world: World, work: () => Promise<T>): Promise<T> {
  const before = await world.counts()
  const asked = world.upstream.requests.length
  const result = await work()
  expect(await world.counts()).toEqual(before)
  expect(world.upstream.requests.length).toBe(asked)
  return result
}
