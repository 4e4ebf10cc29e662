import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Envelope, TurnEvent } from '#contracts/index.ts'
import { emptyTurn } from '#contracts/index.ts'
import { AppError } from '#errors/index.ts'
import { house, take } from './house-for-test.ts'
import { showTurn } from './index.ts'

describe('showing a turn', () => {
  /** A turn whose events the test hands out. */
  function scripted() {
    const batches: Envelope[][] = []
    let wake: (() => void) | undefined
    let left = false
    let seq = 0
    return {
      say(...events: TurnEvent[]) {
        batches.push(events.map((event) => ({ turnId: 't', seq: ++seq, at: 0, audience: 'members', path: [], event })))
        wake?.()
      },
      get left() {
        return left
      },
      turn: {
        read: () => ({
          [Symbol.asyncIterator]() {
            return this
          },
          async next(): Promise<IteratorResult<Envelope[]>> {
            while (batches.length === 0 && !left) await new Promise<void>((resolve) => (wake = resolve))
            const value = batches.shift()
            return value ? { done: false, value } : { done: true, value: undefined }
          },
          async return(): Promise<IteratorResult<Envelope[]>> {
            left = true
            wake?.()
            return { done: true, value: undefined }
          },
        }),
        result: async () => ({ ...emptyTurn, status: 'completed' as const }),
      },
    }
  }
  const delta = (text: string): TurnEvent => ({ type: 'text-delta', part: 0, text })
  const end = { type: 'turn-end', outcome: 'completed', finishReason: 'stop' } as unknown as TurnEvent

  it('gives the encoder each event, and the end its state', async () => {
    const { open } = await house()
    const both = await open()
    const script = scripted()
    const showing = showTurn(both.socket, script.turn, 0, ({ event }, state) => {
      if (event.type === 'turn-end') return [`end ${state?.status}`]
      return event.type === 'text-delta' ? [event.text, new Uint8Array([1])] : []
    })
    script.say(delta('a'), delta('b'))
    script.say(end)
    expect(await take(both, 5)).toEqual(['a', '\u0001', 'b', '\u0001', 'end completed'])
    showing.leave()
    expect(await showing.over).toBeUndefined()
    expect(script.left).toBe(true)
  })

  it('ends when it is left, when the socket closes, and with what failed', async () => {
    const { open } = await house()
    const both = await open()
    const left = scripted()
    const showing = showTurn(both.socket, left.turn, 0, () => [])
    showing.leave()
    expect(await showing.over).toBeUndefined()

    const failing = scripted()
    failing.turn.read = () => ({
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => Promise.reject(new AppError('overloaded', 'later')),
      return: async () => ({ done: true, value: undefined }),
    })
    expect(await showTurn(both.socket, failing.turn, 0, () => []).over).toMatchObject({ code: 'overloaded' })

    const orphan = scripted()
    const shown = showTurn(both.socket, orphan.turn, 0, () => ['x'])
    both.client.terminate()
    await both.over
    orphan.say(delta('a'))
    expect(await shown.over).toBeUndefined()
    expect(orphan.left).toBe(true)
  })

  it('waits for a slow reader, and gives him up after a minute without a byte', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { open } = await house()
    const both = await open()
    both.client.pause()
    const script = scripted()
    let encoded = 0
    const showing = showTurn(both.socket, script.turn, 0, () => [`${encoded++}`.padEnd(64 * 1024)])
    for (let more = 0; more < 1_000; more++) script.say(delta('x'))
    // The kernel's buffers take some; then it stands still.
    for (let seen = -1; seen !== encoded; ) {
      seen = encoded
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(encoded).toBeLessThan(1_000)
    expect(both.socket.buffered).toBeLessThan(1024 * 1024)
    vi.advanceTimersByTime(59_000)
    expect(both.socket.isOpen).toBe(true)
    vi.advanceTimersByTime(1_000)
    expect(await showing.over).toBeUndefined()
    expect(both.socket.isOpen).toBe(false)
    both.client.resume()
    expect(await both.closed).toEqual({ code: 1008, reason: 'consumer-too-slow' })
    expect(script.left).toBe(true)
  })
})
