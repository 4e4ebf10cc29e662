import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchSource, handOver } from './batches.ts'

/** Gives what the test puts in, in batches as it was put. */
class Tap extends BatchSource<number> {
  left = false
  private readonly waiting: (number[] | Error | 'end')[] = []

  put(...what: (number[] | Error | 'end')[]): void {
    this.waiting.push(...what)
    this.look()
  }

  override leave(): void {
    this.left = true
  }

  protected override take(): number[] | 'pending' | 'ended' {
    if (this.left) return 'ended'
    const next = this.waiting.shift()
    if (next === undefined) return 'pending'
    if (next instanceof Error) throw next
    if (next !== 'end') return next
    this.left = true
    return 'ended'
  }
}

const breath = () => new Promise(setImmediate)

describe('a source of batches', () => {
  it('gives each batch once and in order, however it is asked', async () => {
    const numbered = fc.array(fc.integer({ min: 1, max: 4 })).map((lengths) => {
      let next = 0
      return lengths.map((length) => Array.from({ length }, () => next++))
    })
    // Where the test lets others run, and where the taker makes the source wait.
    const pauses = fc.infiniteStream(fc.boolean())
    await fc.assert(
      fc.asyncProperty(numbered, pauses, pauses, fc.nat(4), async (batches, puts, takes, asked) => {
        const tap = new Tap()
        const seen: number[] = []
        let inside = 0
        const reading = (async () => {
          for (let i = 0; i < Math.min(asked, batches.length); i++) seen.push(...(await tap.next()).value)
          await tap.handTo((batch) => {
            expect(inside).toBe(0)
            seen.push(...batch)
            if (!takes.next().value) return undefined
            inside++
            return breath().then(() => {
              inside--
              return undefined
            })
          })
        })()
        for (const batch of batches) {
          tap.put(batch)
          if (puts.next().value) await breath()
        }
        tap.put('end')
        await reading
        expect(seen).toEqual(batches.flat())
        expect((await tap.next()).done).toBe(true)
      }),
    )
  })

  it('leaves when its taker has had enough, at once or later', async () => {
    for (const enough of [() => false, async () => false]) {
      const tap = new Tap()
      tap.put([1], [2])
      await tap.handTo(enough)
      expect(tap.left).toBe(true)
    }
  })

  it('leaves, and says why, when its taker fails', async () => {
    const failure = new Error('no')
    const failing = [
      () => {
        throw failure
      },
      () => Promise.reject(failure),
    ]
    for (const taker of failing) {
      const tap = new Tap()
      tap.put([1], [2])
      await expect(tap.handTo(taker)).rejects.toBe(failure)
      expect(tap.left).toBe(true)
    }
  })

  it('says what it failed with, after what came before', async () => {
    const failure = new Error('torn')
    const seen: number[] = []
    const tap = new Tap()
    const taken = tap.handTo((batch) => {
      seen.push(...batch)
      return undefined
    })
    tap.put([1], failure)
    await expect(taken).rejects.toBe(failure)
    expect(seen).toEqual([1])
  })

  it('ends what is asked of it when it is left', async () => {
    for (const ask of [(tap: Tap) => tap.next(), (tap: Tap) => tap.handTo(() => undefined)]) {
      const tap = new Tap()
      const asked = ask(tap)
      await tap.return()
      await asked
    }
  })

  it('bears a taker that makes it look again', async () => {
    const tap = new Tap()
    const seen: number[] = []
    tap.put([1])
    await tap.handTo((batch) => {
      seen.push(...batch)
      if (seen.length === 1) tap.put([2], 'end')
      return undefined
    })
    expect(seen).toEqual([1, 2])
  })
})

it('any iterable is handed over alike, and let go when it is enough', async () => {
  let left = false
  async function* source() {
    try {
      yield [1]
      yield [2]
      yield [3]
    } finally {
      left = true
    }
  }
  const seen: number[] = []
  await handOver(source(), (batch) => {
    seen.push(...batch)
    return seen.length < 2
  })
  expect([seen, left]).toEqual([[1, 2], true])
})
