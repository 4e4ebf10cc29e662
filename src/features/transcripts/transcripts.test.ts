import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { until } from '#test/support/until.ts'
import { collect, hasPoppler, objectsOf, textOf } from './pdf/read-pdf-for-test.ts'
import type { TranscriptTurn } from './transcript.ts'
import { transcripts } from './transcripts.ts'

const head = { title: 'Chat', userName: 'User', botName: 'Bot', timeZone: 'Asia/Seoul', createdAt: 0 }
const turn = (text: string): TranscriptTurn => ({ userText: text, answerText: text, askedAt: 0 })

async function* of(...turns: TranscriptTurn[]) {
  yield* turns
}

/** Turns without end, and how many of them were taken and whether anybody still wants more. */
function endless() {
  const seen = { taken: 0, left: false }
  async function* turns() {
    try {
      for (;;) {
        seen.taken++
        yield turn(`Turn ${seen.taken} ${'word '.repeat(200)}`)
      }
    } finally {
      seen.left = true
    }
  }
  return { seen, turns: turns() }
}

const linux = existsSync('/proc/self/task')
/** Children of a process, which Linux tells. */
const childrenOf = (pid: number) =>
  linux ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean) : []
/** Processes of this one that lay out transcripts. */
const layingOut = () => childrenOf(process.pid).filter((pid) => nameOf(pid) === 'transcript')

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    // It may end while we look.
    return ''
  }
}

/** A program that takes one chunk of a transcript without end, and some more when it is told to. */
const anOwner = `
  import { transcripts } from '${new URL('./transcripts.ts', import.meta.url)}'
  const turn = { userText: 'word '.repeat(200), answerText: '', askedAt: 0 }
  async function* endless() { for (;;) yield turn }
  const chunks = transcripts().renderTranscript(${JSON.stringify(head)}, endless())
  await chunks.next()
  process.stdout.write('a chunk')
  for await (const _ of process.stdin) {
    for (let count = 0; count < 5; count++) await chunks.next()
    process.stdout.write('another chunk')
  }
`

describe('transcripts', () => {
  it('are made in a process of their own, whole, in the order of their turns', async () => {
    const turns = Array.from({ length: 300 }, (_, at) => turn(`Turn number ${at}.`))
    const pdf = await collect(transcripts().renderTranscript(head, of(...turns)))
    expect(objectsOf(pdf).size).toBeGreaterThan(10)
    if (hasPoppler) {
      const said = [...textOf(pdf).matchAll(/Turn number (\d+)\./g)].map(([, number]) => Number(number))
      expect(said).toEqual(turns.flatMap((_, at) => [at, at]))
    }
    await until(() => layingOut().length === 0)
  })

  it('keep the event loop free', async () => {
    const order: string[] = []
    async function* turns() {
      setImmediate(() => order.push('the loop went round'))
      // Laid out in one go, before the next turn is asked for; were it done here, nothing would come between.
      yield turn('word '.repeat(100_000))
      order.push('laid out')
    }
    await collect(transcripts().renderTranscript(head, turns()))
    expect(order).toEqual(['the loop went round', 'laid out'])
  })

  it('take no more turns than their reader takes pages', async () => {
    const { seen, turns } = endless()
    const chunks = transcripts().renderTranscript(head, turns)
    await chunks.next()
    await chunks.next()
    expect(layingOut()).toHaveLength(linux ? 1 : 0)
    // A chunk is made ahead; nothing after it until somebody takes it.
    let taken = -1
    await until(async () => {
      const same = taken === seen.taken
      taken = seen.taken
      await new Promise(setImmediate)
      return same && taken > 0
    })
    expect(seen.taken).toBeLessThan(2000)
    await chunks.return(undefined)
    await until(() => seen.left && layingOut().length === 0)
  })

  it('end with their signal, at once, wherever they are', async () => {
    for (const after of [0, 1, 3]) {
      const { seen, turns } = endless()
      const stop = new AbortController()
      const chunks = transcripts().renderTranscript(head, turns, { signal: stop.signal })
      for (let count = 0; count < after; count++) await chunks.next()
      const next = chunks.next()
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(next.then(() => collect(chunks))).rejects.toBe(reason)
      await until(() => (seen.left || seen.taken === 0) && layingOut().length === 0)
    }
    const aborted = transcripts().renderTranscript(head, of(turn('x')), {
      signal: AbortSignal.abort(new Error('before')),
    })
    await expect(aborted.next()).rejects.toThrow('before')
  })

  it('end with their source, also in the middle of what never answers', async () => {
    async function* failing() {
      yield turn('one')
      throw new Error('the database is gone')
    }
    await expect(collect(transcripts().renderTranscript(head, failing()))).rejects.toThrow('the database is gone')
    const stop = new AbortController()
    const stuck = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) }
    const chunks = transcripts().renderTranscript(head, stuck, { signal: stop.signal }).next()
    stop.abort(new Error('enough'))
    await expect(chunks).rejects.toThrow('enough')
    await until(() => layingOut().length === 0)
  })

  it('are too large when their process has no memory left, which this one does not feel', async () => {
    // More than the whole heap of the process, in a single turn.
    const chunks = transcripts().renderTranscript(head, of(turn('x'.repeat(300 * 1024 * 1024))))
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'too-large' })
  })

  it.runIf(linux)('fail, and nothing else does, when their process is killed', async () => {
    const { seen, turns } = endless()
    const chunks = transcripts().renderTranscript(head, turns)
    await chunks.next()
    process.kill(Number(layingOut()[0]), 'SIGKILL')
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'internal', cause: { message: /SIGKILL/ } })
    await until(() => seen.left && layingOut().length === 0)
    expect((await collect(transcripts().renderTranscript(head, of(turn('after it'))))).length).toBeGreaterThan(1000)
  })

  it.runIf(linux)('heed no signal of their own, and end with the process that wants them', async () => {
    const owner = spawn(process.execPath, ['--input-type=module-typescript', '--eval', anOwner], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [said] = (await once(owner.stdout, 'data')) as [Buffer]
    expect(String(said)).toBe('a chunk')
    const [pid] = childrenOf(owner.pid!)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(Number(pid), signal)
    owner.stdin.write('more')
    expect(String((await once(owner.stdout, 'data'))[0])).toBe('another chunk')
    expect(nameOf(pid!)).toBe('transcript')
    owner.kill('SIGKILL')
    await until(() => nameOf(pid!) === '')
  })

  it('refuse a time zone that there is not before anything is done', async () => {
    const { seen, turns } = endless()
    const chunks = transcripts().renderTranscript({ ...head, timeZone: 'x' }, turns)
    await expect(chunks.next()).rejects.toMatchObject({ code: 'invalid-request', details: { field: 'time_zone' } })
    expect(seen.taken).toBe(0)
  })

  it('are made one after the other; who waits may leave, and who comes too late is told so', async () => {
    const { renderTranscript } = transcripts({ atOnce: 1, waiting: 2 })
    const first = renderTranscript(head, endless().turns)
    await first.next()
    const stop = new AbortController()
    const leaving = renderTranscript(head, of(turn('leaving')), { signal: stop.signal }).next()
    const second = collect(renderTranscript(head, of(turn('second'))))
    const late = renderTranscript(head, of(turn('late'))).next()
    await expect(late).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: expect.any(Number) })
    stop.abort(new Error('tired of waiting'))
    await expect(leaving).rejects.toThrow('tired of waiting')
    const third = collect(renderTranscript(head, of(turn('third'))))
    await first.return(undefined)
    for (const pdf of await Promise.all([second, third])) expect(objectsOf(pdf).size).toBeGreaterThan(5)
  })
})
