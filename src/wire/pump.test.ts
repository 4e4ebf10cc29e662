import { afterEach, describe, expect, it, vi } from 'vitest'
import { pump, type Sink } from './pump.ts'
import { sseFrame, ssePing } from './sse.ts'

afterEach(() => void vi.useRealTimers())

async function* from<T>(...batches: T[][]): AsyncGenerator<T[]> {
  yield* batches
}
const encode = (batch: string[]) => batch.join('')

describe('pump', () => {
  it('writes batch by batch, and skips those that come to nothing', async () => {
    const written: string[] = []
    const sink: Sink = { write: (text) => written.push(text) > 0, drained: () => Promise.reject(new Error('not full')) }
    await pump(from(['a', 'b'], [''], ['c']), sink, { encode, stalledMs: 1000 })
    expect(written).toEqual(['ab', 'c'])
  })

  it('takes nothing from its source while the sink is full', async () => {
    let asked = 0
    let drain = () => {}
    const source = async function* () {
      for (const text of ['a', 'b']) {
        asked++
        yield [text]
      }
    }
    const written: string[] = []
    const sink: Sink = {
      write: (text) => written.push(text) > 1,
      drained: () =>
        new Promise((resolve) => {
          drain = resolve
        }),
    }
    const pumping = pump(source(), sink, { encode, stalledMs: 60_000 })
    await new Promise(setImmediate)
    expect([asked, written]).toEqual([1, ['a']])
    drain()
    await pumping
    expect(written).toEqual(['a', 'b'])
  })

  it('gives up a sink that stays full, and lets its source go', async () => {
    vi.useFakeTimers()
    let left = false
    const source = async function* () {
      try {
        yield ['a']
        yield ['b']
      } finally {
        left = true
      }
    }
    const sink: Sink = { write: () => false, drained: () => new Promise(() => undefined) }
    const pumping = pump(source(), sink, { encode, stalledMs: 60_000 })
    const refused = expect(pumping).rejects.toMatchObject({ code: 'consumer-too-slow' })
    await vi.advanceTimersByTimeAsync(60_000)
    await refused
    expect(left).toBe(true)
  })
})

describe('server-sent events', () => {
  it('are framed with id and name before the data', () => {
    expect(sseFrame('{}')).toBe('data: {}\n\n')
    expect(sseFrame('{}', { id: 7, event: 'done' })).toBe('id: 7\nevent: done\ndata: {}\n\n')
    expect(sseFrame('{}', { id: 0 })).toBe('id: 0\ndata: {}\n\n')
    expect(ssePing.startsWith(':')).toBe(true)
  })
})
