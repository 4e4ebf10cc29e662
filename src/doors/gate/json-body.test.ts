import { once } from 'node:events'
import { connect } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerPlainRequests } from '#lib/http-server/index.ts'
import { useErrorsByPath } from './errors.ts'
import { takeJson } from './json-body.ts'

const shape = {
  status: ({ code }: { code: string }) => (code === 'too-large' ? 413 : 400),
  body: ({ code, message }: { code: string; message: string }) => ({ code, message }),
}

/** Plain requests are read past Node's parser, others by it: a body means the same to both. */
describe.each(['plain', 'streamed'] as const)('a JSON body that is %s', (kind) => {
  let server: FastifyInstance
  /** What became of requests whose body did not come to its end. */
  const failures: string[] = []
  beforeAll(async () => {
    server = Fastify({ bodyLimit: 100 })
    answerPlainRequests(server.server)
    useErrorsByPath(server, () => shape)
    takeJson(server)
    server.addHook('onError', async (_request, _reply, error) => void failures.push(error.message))
    server.post('/', (request) => ({ got: request.body }))
    server.post('/wide', { bodyLimit: 300_000 }, (request) => ({ got: (request.body as unknown[]).length }))
    await server.listen({ port: 0 })
  })
  afterAll(() => server.close())

  const type = { 'content-type': 'application/json' }
  /** A body of unknown length is never plain. */
  const send = async (body: string | Buffer, path = '/') => {
    const url = `${server.listeningOrigin.replace('[::1]', 'localhost')}${path}`
    const pieces = async function* () {
      // A cut after every byte tears every character.
      for (const byte of Buffer.from(body)) yield Buffer.of(byte)
    }
    const streamed = { body: pieces() as unknown as ReadableStream, duplex: 'half' } as RequestInit
    const request = kind === 'plain' ? { body: Buffer.from(body) } : streamed
    const answer = await fetch(url, { method: 'POST', headers: type, ...request })
    return { status: answer.status, body: (await answer.json()) as { got?: unknown; code?: string; message?: string } }
  }

  it('comes as it was sent, in any script', async () => {
    const value = { a: [1, null, '狐 🦊 \u0000 é'], constructor: 'a word', b: '"__proto__"' }
    expect(await send(JSON.stringify(value))).toEqual({ status: 200, body: { got: value } })
    expect(await send('7')).toEqual({ status: 200, body: { got: 7 } })
    expect(await send('null')).toEqual({ status: 200, body: { got: null } })
  })

  it('is refused when it is none, or nothing', async () => {
    for (const text of ['{', '{"a":1}}', 'undefined', '\ufeff'])
      expect(await send(text), text).toMatchObject({ status: 400, body: { message: 'The body is not valid JSON' } })
  })

  it('has no key that would change what objects are, however it is written', async () => {
    for (const text of [
      '{"__proto__":1}',
      '{"a":[{"\\u005f_proto_\\u005F":{}}]}',
      '{"constructor":{"prototype":1}}',
      '{"\\u0063onstructor":{"prototype":1}}',
    ])
      expect(await send(text), text).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining('__proto__') },
      })
  })

  it('may be as long as its route allows, and no byte longer', async () => {
    const of = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2))
    expect((await send(of(100))).status).toBe(200)
    expect(await send(of(101))).toMatchObject({ status: 413, body: { code: 'too-large' } })
    const many = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => index % 10))
    expect(await send(many, '/wide')).toEqual({ status: 200, body: { got: 20_000 } })
  })

  it('of too many values or too deep is not read', async () => {
    const deep = `${'['.repeat(70_000)}${']'.repeat(70_000)}`
    expect(await send(deep, '/wide')).toMatchObject({
      status: 400,
      body: { message: 'The body is nested too deeply' },
    })
  })

  it('that breaks off is an error of its sender', async () => {
    const socket = connect(new URL(server.listeningOrigin).port as unknown as number, 'localhost')
    await once(socket, 'connect')
    const length = kind === 'plain' ? 'content-length: 50' : 'transfer-encoding: chunked'
    const begun = kind === 'plain' ? '{"a":' : '5\r\n{"a":\r\n'
    const seen = failures.length
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${length}\r\n\r\n${begun}`)
    if (kind === 'streamed') await once(server.server, 'request')
    socket.destroy()
    await once(socket, 'close')
    // What has not come as a whole is not there for a plain request, and nobody hears of it.
    if (kind === 'streamed') await expect.poll(() => failures.slice(seen)).toEqual(['The body breaks off'])
    expect((await send('1')).status).toBe(200)
    expect(failures.slice(seen)).not.toContain('Internal error')
  })
})
