import { describe, expect, it } from 'vitest'
import { databaseKinds } from '#test/support/databases.ts'
import { encodings, type NodeToolOptions, openNodeTool } from '#test/support/nodetool-client.ts'
import { startParley } from '#test/support/parley.ts'
import { useStory } from '#test/support/story.ts'

for (const kind of databaseKinds)
  describe.each(encodings)(`NodeTool's chat socket on ${kind} in %s`, (encoding) => {
    const story = useStory(kind)
    const open = (options: NodeToolOptions = {}) => openNodeTool(story.parley, { encoding, ...options })

    describe('a connection', () => {
      it('is spoken to in the encoding it last spoke, and in binary before', async () => {
        const client = await open()
        client.send({ type: 'ping' }, 'binary')
        await client.until({ type: 'pong' })
        client.send({ type: 'ping' }, 'text')
        await client.until({ type: 'pong' }, 1)
        const held = story.upstream.hold()
        held.send('as text ')
        client.send({ role: 'user', content: 'Hello' }, 'text')
        await client.until({ content: 'as text ' })
        client.send({ type: 'ping' }, 'binary')
        await client.until({ type: 'pong' }, 2)
        held.send('as bytes')
        await client.until({ content: 'as bytes' })
        held.finish()
        await client.until({ type: 'message', content: 'as text as bytes' })
        const kinds = client.frames.map(({ content }, index) => [content, client.encodings[index]])
        expect(client.encodings.slice(0, 2)).toEqual(['binary', 'text'])
        expect(kinds).toContainEqual(['as text ', 'text'])
        expect(kinds).toContainEqual(['as bytes', 'binary'])
        await client.close()
      })

      it('tells seconds with its pong', async () => {
        const client = await open()
        client.send({ type: 'ping' })
        const { ts } = await client.until({ type: 'pong' })
        expect(Math.abs((ts as number) - Date.now() / 1000)).toBeLessThan(60)
        await client.close()
      })

      it('stays open when a frame makes no sense', async () => {
        const client = await open()
        client.socket.send(encoding === 'text' ? 'not json' : Buffer.of(0xc1))
        expect(await client.until({ type: 'error' })).toMatchObject({ code: 'invalid-request', field: 'frame' })
        client.send({ hello: 'world' })
        expect(await client.until({ error: 'invalid_message' })).toEqual({
          error: 'invalid_message',
          message: expect.stringMatching(/^All messages must include a 'command' field\. /),
        })
        client.send({ type: 'dance' })
        await client.until({ type: 'error', field: 'type' })
        expect((await client.ask({ content: 'Hello' })).content).toBe('You said: Hello')
        await client.close()
      })

      it.each<[string, NodeToolOptions, string]>([
        ['nothing', { headers: {} }, 'Missing authentication'],
        ['a bad token', { headers: { authorization: 'Bearer nonsense' } }, 'Invalid authentication'],
        ['a bad key', { headers: { 'x-api-key': 'parley_nonsense' } }, 'Invalid authentication'],
        ['a bad key in the query', { headers: {}, path: '/chat?api_key=nonsense' }, 'Invalid authentication'],
        ['an empty token in the query', { headers: {}, path: '/chat?token=' }, 'Missing authentication'],
      ])('with %s is closed before a word', async (_, options, reason) => {
        const client = await open(options)
        expect(await client.closed).toEqual({ code: 1008, reason })
        expect(client.frames).toEqual([])
      })

      it('with an app’s token is closed: that opens the app, not every model', async () => {
        const { access_token } = await story.app()
        const attempts: NodeToolOptions[] = [
          { headers: {}, path: `/chat?token=${access_token}` },
          { headers: { authorization: `Bearer ${access_token}` } },
        ]
        for (const options of attempts)
          expect(await (await open(options)).closed).toEqual({ code: 1008, reason: 'Invalid authentication' })
      })

      it('is let in by key or token, in a header or in the query', async () => {
        const { key } = story.parley
        const ways: NodeToolOptions[] = [
          { headers: { authorization: `Bearer ${key}` } },
          { headers: { 'x-api-key': key } },
          { headers: {}, path: `/chat?api_key=${key}` },
          { headers: {}, path: `/chat?token=${key}` },
        ]
        for (const options of ways) {
          const client = await open(options)
          await client.settled()
          await client.close()
        }
      })

      it('is closed when its key is revoked', async () => {
        const made = await story.api('POST', '/api/v1/api-keys', { name: 'short-lived' })
        const client = await open({ headers: { 'x-api-key': made.body.key } })
        await client.settled()
        await story.api('DELETE', `/api/v1/api-keys/${made.body.id}`)
        expect(await client.closed).toEqual({ code: 1008, reason: 'Invalid authentication' })
      })

      it('with a key that may only read says nothing', async () => {
        const made = await story.api('POST', '/api/v1/api-keys', { name: 'reader', scopes: ['read'] })
        const client = await open({ headers: { 'x-api-key': made.body.key } })
        client.send({ role: 'user', content: 'Hello' })
        expect(await client.until({ type: 'error' })).toMatchObject({ code: 'forbidden', status_code: 403 })
        await client.close()
      })

      it('is closed with 1001 when the server stops', async () => {
        const other = await startParley({ kind, upstreamUrl: story.upstream.url })
        const client = await openNodeTool(other, { encoding })
        await other.close()
        expect((await client.closed).code).toBe(1001)
      })
    })
  })
