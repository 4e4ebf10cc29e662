import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { AppError } from '#errors/index.ts'
import { startUpstream, type Upstream } from '#test/support/upstream-simulator.ts'
import { callOf, impatient, patient, type TestIo, testIo } from './call-for-test.ts'
import { type HttpAnswer, type HttpRequest, readText, sendHttp } from './http.ts'
import { openAiCompatible } from './openai-compatible/index.ts'

/** What came since the last time, as soon as there is something; undefined at the end. */
async function read(answer: HttpAnswer): Promise<Buffer[] | undefined> {
  for (;;) {
    const taken = answer.take()
    if (taken === 'ended') return undefined
    if (taken !== 'pending') return taken
    await new Promise<void>((resolve) => answer.onNews(resolve))
  }
}

let sim: Upstream
let io: TestIo

beforeEach(async () => {
  sim = await startUpstream()
  io = testIo()
})

afterEach(async () => {
  io.http.close()
  await sim.close()
})

function post(fields: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    url: `${sim.url}/chat/completions`,
    headers: {},
    body: { stream: true, messages: [] },
    firstMs: io.timeouts.firstPartMs,
    toError: (status, _headers, body) => new AppError('upstream-rejected', `${status} ${body.length}`),
    ...fields,
  }
}

function fails(code: string): unknown {
  return expect.objectContaining({ name: 'AppError', code })
}

test('chunks that came while the consumer was busy are handed over together', async () => {
  const held = sim.hold()
  held.write('a')
  const answer = await sendHttp(post(), io)
  await held.request
  held.write('b')
  held.write('c')
  held.finish()
  await sim.idle()
  let text = ''
  let reads = 0
  for (let chunks = await read(answer); chunks; chunks = await read(answer)) {
    text += Buffer.concat(chunks).toString()
    reads++
  }
  expect(text).toContain('abc')
  expect(reads).toBeLessThan(4)
})

test('cancel while connecting, before the head, and in the middle: throws cancelled and leaves the upstream', async () => {
  io.controller.abort()
  await expect(sendHttp(post(), io)).rejects.toEqual(fails('cancelled'))

  io = { ...testIo(), http: io.http }
  const silent = sim.hold()
  const sending = sendHttp(post(), io)
  await silent.request
  io.controller.abort()
  await expect(sending).rejects.toEqual(fails('cancelled'))
  await silent.aborted

  io = { ...testIo(), http: io.http }
  const begun = sim.hold()
  begun.write('a')
  const answer = await sendHttp(post(), io)
  io.controller.abort()
  await expect(read(answer)).rejects.toEqual(fails('cancelled'))
  await begun.aborted
  expect(sim.openRequests).toBe(0)
})

test('released before its end: a kept connection when the end comes, a closed one when it does not', async () => {
  const kept = sim.hold()
  kept.write('a')
  const first = await sendHttp(post(), io)
  first.release()
  kept.finish()
  await vi.waitFor(() => expect(io.http.busy).toBe(0), { interval: 1 })
  sim.script({ text: 'b' })
  await readText(await sendHttp(post(), io))
  expect(sim.openConnections).toBe(1)

  const endless = sim.hold()
  endless.write('a')
  const second = await sendHttp(post(), io)
  second.release()
  await endless.aborted
})

test('between parts: bytes that make no part do not count as progress', async () => {
  io = { ...testIo(impatient), http: io.http }
  const held = sim.hold()
  held.write('a')
  const answer = await sendHttp(post(), io)
  await read(answer)
  answer.progressed()
  const beat = setInterval(() => held.write(': ping\n\n'), 20)
  await expect(readText(answer)).rejects.toEqual(fails('upstream-timeout'))
  clearInterval(beat)
  await held.aborted
})

test('between parts: a consumer that is busy itself is not the upstream’s fault', async () => {
  io = { ...testIo({ ...patient, betweenPartsMs: 50 }), http: io.http }
  const held = sim.hold()
  held.write('a')
  // Only the clock under test is ours; the sockets are real.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const answer = await sendHttp(post(), io)
  await read(answer)
  answer.progressed()
  // Three periods go by while nobody reads.
  vi.advanceTimersByTime(170)
  answer.progressed()
  held.finish()
  expect(await readText(answer)).toContain('[DONE]')
})

test('a consumer that is busy with the first words is not the upstream’s fault either', async () => {
  io = { ...testIo({ ...patient, firstPartMs: 50, betweenPartsMs: 50 }), http: io.http }
  const held = sim.hold()
  held.send('Hel')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const call = openAiCompatible.streamModel(callOf({ url: sim.url, secret: 'sk' }), io)
  expect((await call.next()).value).toEqual([{ type: 'text', text: 'Hel' }])
  vi.advanceTimersByTime(170)
  held.finish()
  const rest = []
  for await (const batch of call) rest.push(...batch)
  expect(rest.at(-1)).toMatchObject({ type: 'finish' })
})

test('an answer that begins with a byte order mark: is read without it', async () => {
  sim.script({ raw: { body: '\ufeff{"a":1}' } })
  expect(await readText(await sendHttp(post(), io))).toBe('{"a":1}')
})

test('error body: 64 KiB of it are read, the rest is left', async () => {
  sim.script({ raw: { status: 400, body: Buffer.alloc(1024 * 1024, 'x') } })
  await expect(sendHttp(post(), io)).rejects.toMatchObject({ message: `400 ${64 * 1024}` })
  await sim.idle()
})

test('error body that never ends: the status is told all the same', async () => {
  io = { ...testIo(impatient), http: io.http }
  sim.respond({ raw: { status: 503, headers: { 'content-length': '10' }, body: 'x' } })
  await expect(sendHttp(post({ firstMs: 150 }), io)).rejects.toMatchObject({ message: '503 1' })
})

test('oversized answer: is cut off as malformed', async () => {
  sim.script({ raw: { body: Buffer.alloc(33 * 1024 * 1024, 'x') } })
  await expect(readText(await sendHttp(post(), io))).rejects.toEqual(fails('upstream-malformed'))
  await sim.idle()
})

test('redirect: is not followed', async () => {
  sim.script({ raw: { status: 302, headers: { location: `${sim.url}/models` }, body: '' } })
  await expect(sendHttp(post(), io)).rejects.toMatchObject({ message: '302 0' })
  expect(sim.requests).toHaveLength(1)
})

test('compressed without being asked: malformed', async () => {
  sim.script({ raw: { headers: { 'content-encoding': 'gzip' }, body: 'x' } })
  await expect(sendHttp(post(), io)).rejects.toEqual(fails('upstream-malformed'))
  expect((await sim.nextRequest()).headers['accept-encoding']).toBe('identity')
})

test('headers that an upstream is set up with: are sent, but for the type of the body', async () => {
  const own = { 'accept-encoding': 'identity;q=1', 'content-type': 'text/plain', 'x-tenant': 'a' }
  await readText(await sendHttp(post({ headers: own }), io))
  expect((await sim.nextRequest()).headers).toMatchObject({ ...own, 'content-type': 'application/json' })
})

test.each(['not a url', 'http://127.0.0.1:1/', 'http://nowhere.invalid/'])('%s: unreachable', async (url) => {
  await expect(sendHttp(post({ url }), io)).rejects.toEqual(fails('upstream-unreachable'))
})

test('unpaired surrogate: is sent as well-formed text', async () => {
  await readText(
    await sendHttp(post({ body: { messages: [{ role: 'user', content: 'cut \ud83d' }], stream: true } }), io),
  )
  expect((await sim.nextRequest()).lastUserText).toBe('cut \ufffd')
})

test('key in a header that cannot be sent: is not in the message', async () => {
  const thrown = await sendHttp(post({ headers: { authorization: 'Bearer sk-1\nsk-2' } }), io).catch((error) => error)
  expect(thrown).toEqual(fails('upstream-unreachable'))
  expect(JSON.stringify([thrown.message, thrown.details])).not.toContain('sk-')
})
